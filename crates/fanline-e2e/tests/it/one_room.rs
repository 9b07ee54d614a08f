//! A Pusher client and a native client in one channel.

use fanline_e2e::{Native, PusherSocket, Server};
use serde_json::json;

/// What one message looks like in both protocols.
struct Row {
    native: serde_json::Value,
    native_data: serde_json::Value,
    pusher_event: &'static str,
    pusher_data: serde_json::Value,
}

#[tokio::test]
async fn both_see_what_either_api_publishes_in_the_same_order_and_in_their_own_shape() {
    let server = Server::start();
    let mut native = Native::connect(&server, None, json!([{"channel": "room"}])).await;
    native.next_of("caught_up").await;
    let mut pusher = PusherSocket::connect(&server).await;
    assert!(pusher.subscribe("room", None).await);

    let rows = [
        Row {
            native: json!({"name": "n1", "data": {"a": [1, "x"]}}),
            native_data: json!({"a": [1, "x"]}),
            pusher_event: "n1",
            pusher_data: json!("{\"a\":[1,\"x\"]}"),
        },
        Row {
            native: json!({"name": "n2", "data": "plain words", "encoding": "text"}),
            native_data: json!("plain words"),
            pusher_event: "n2",
            pusher_data: json!("plain words"),
        },
        Row {
            native: json!({"data": 5}),
            native_data: json!(5),
            pusher_event: "message",
            pusher_data: json!("5"),
        },
    ];
    for (n, row) in rows.iter().enumerate() {
        server.publish("room", row.native.clone()).await;
        let body = json!({"name": format!("p{n}"), "channels": ["room"], "data": format!("{{\"n\":{n}}}")});
        let answer = server
            .pusher(
                "POST",
                &format!("/apps/{}/events", server.info.pusher.app_id),
                &[],
                &body.to_string(),
            )
            .await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "{}"));
    }
    let mut seq = 0;
    for (n, row) in rows.iter().enumerate() {
        let message = native.next_of("message").await;
        assert_eq!(message["data"], row.native_data, "{message}");
        assert_eq!(message["seq"], seq + 1);
        let message = native.next_of("message").await;
        assert_eq!(
            (&message["name"], &message["data"]),
            (&json!(format!("p{n}")), &json!({"n": n}))
        );
        seq += 2;
        assert_eq!(message["seq"], seq);

        let event = pusher.next_event().await;
        assert_eq!(
            (event["event"].as_str(), &event["data"]),
            (Some(row.pusher_event), &row.pusher_data)
        );
        let event = pusher.next_event().await;
        assert_eq!(event["event"], format!("p{n}"));
        assert_eq!(event["data"], format!("{{\"n\":{n}}}"));
    }
}

#[tokio::test]
async fn the_socket_id_of_either_protocol_is_left_out_when_the_publisher_says_so() {
    let server = Server::start();
    let mut native = Native::connect(&server, None, json!([{"channel": "room"}])).await;
    native.next_of("caught_up").await;
    let mut left_out = PusherSocket::connect(&server).await;
    let mut other = PusherSocket::connect(&server).await;
    assert!(left_out.subscribe("room", None).await && other.subscribe("room", None).await);
    let path = format!("/apps/{}/events", server.info.pusher.app_id);
    let body = json!({"name": "first", "channel": "room", "data": "1", "socket_id": left_out.id});
    assert_eq!(
        server
            .pusher("POST", &path, &[], &body.to_string())
            .await
            .status,
        200
    );
    let body = json!({"name": "second", "channel": "room", "data": "2"});
    assert_eq!(
        server
            .pusher("POST", &path, &[], &body.to_string())
            .await
            .status,
        200
    );
    assert_eq!(other.next_event().await["event"], "first");
    assert_eq!(left_out.next_event().await["event"], "second");
    assert_eq!(native.next_of("message").await["name"], "first");
}

#[tokio::test]
async fn nobody_speaks_as_the_system() {
    let server = Server::start();
    for name in [
        "pusher:error",
        "pusher_internal:subscription_succeeded",
        "fanline:position",
    ] {
        let body = json!({"name": name, "data": {}});
        let answer = server
            .api(
                "POST",
                "/v1/channels/room/messages",
                Some(&server.info.api_key),
                Some(&body),
            )
            .await;
        assert_eq!(answer.status, 400, "{name}: {answer:?}");
        assert_eq!(answer.json()["code"], "invalid_name");
        let body = json!({"name": name, "channel": "room", "data": "{}"}).to_string();
        let path = format!("/apps/{}/events", server.info.pusher.app_id);
        assert_eq!(
            server.pusher("POST", &path, &[], &body).await.status,
            400,
            "{name}"
        );
    }
}

#[tokio::test]
async fn one_message_id_has_one_position_and_another_body_is_refused() {
    let server = Server::start();
    let path = "/v1/channels/room/messages";
    let (key, body) = (&[("idempotency-key", "order-7")], json!({"data": 1}));
    let first = server.api_with("POST", path, key, Some(&body)).await;
    let again = server.api_with("POST", path, key, Some(&body)).await;
    assert_eq!(
        (first.status.as_u16(), again.status.as_u16()),
        (201, 200),
        "{first:?} {again:?}"
    );
    assert_eq!(
        (&first.json()["epoch"], &first.json()["seq"]),
        (&again.json()["epoch"], &again.json()["seq"])
    );
    let other = server
        .api_with("POST", path, key, Some(&json!({"data": 2})))
        .await;
    assert_eq!(other.status, 422, "{other:?}");
    assert_eq!(other.json()["code"], "idempotency_mismatch");
}
