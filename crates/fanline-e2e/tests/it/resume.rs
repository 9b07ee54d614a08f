//! A client comes back.

use fanline_e2e::{Native, Server};
use serde_json::{Value, json};

fn position(frame: &Value) -> Value {
    json!({"epoch": frame["epoch"], "seq": frame["seq"]})
}

#[tokio::test]
async fn a_line_is_cut_three_are_published_and_they_arrive_in_order() {
    let server = Server::start();
    let mut client = Native::connect(&server, None, json!([{"channel": "orders.1"}])).await;
    client.next_of("caught_up").await;
    server.publish("orders.1", json!({"data": 0})).await;
    let since = position(&client.next_of("message").await);
    client.cut();
    for n in 1..=3 {
        server.publish("orders.1", json!({"data": n})).await;
    }
    server.has_heard("orders.1", 4, None).await;
    let mut client = Native::connect(
        &server,
        None,
        json!([{"channel": "orders.1", "since": since}]),
    )
    .await;
    let subscribed = client.next_of("subscribed").await;
    assert_eq!(
        (&subscribed["continuity"], &subscribed["from"]),
        (&json!("kept"), &since)
    );
    for n in 1..=3 {
        let message = client.next().await;
        assert_eq!(
            (&message["type"], &message["data"]),
            (&json!("message"), &json!(n)),
            "{message}"
        );
    }
    assert_eq!(client.next().await["type"], "caught_up");
}

#[tokio::test]
async fn a_position_that_nobody_gave_is_lost_and_says_why() {
    let server = Server::start();
    let (epoch, _) = server.publish("orders.1", json!({"data": 0})).await;
    let rows = [
        (
            json!({"epoch": "00000000000000ff", "seq": 1}),
            "unknown_epoch",
        ),
        (json!({"epoch": epoch, "seq": 99}), "diverged"),
    ];
    for (since, reason) in rows {
        let mut client = Native::connect(&server, None, json!([])).await;
        let subscribed = client.subscribe("orders.1", Some(&since)).await;
        assert_eq!(subscribed["continuity"], "lost", "{subscribed}");
        assert_eq!(subscribed["reason"], reason);
        assert_eq!(subscribed["from"], subscribed["head"]);
        assert_eq!(client.next().await["type"], "caught_up");
    }
}

#[tokio::test]
async fn a_connection_key_keeps_the_connection_id() {
    let server = Server::start();
    let connect = |key: Value| json!({"type": "connect", "app": server.info.pusher.key, "connection_key": key});
    let mut client = Native::open(&server).await;
    client.send(&connect(Value::Null)).await;
    let first = client.next_of("connected").await;
    client.cut();
    let mut client = Native::open(&server).await;
    client.send(&connect(first["connection_key"].clone())).await;
    let second = client.next_of("connected").await;
    assert_eq!(first["connection_id"], second["connection_id"]);
    let mut client = Native::open(&server).await;
    client.send(&connect(json!("1.2.forged"))).await;
    assert_ne!(
        client.next_of("connected").await["connection_id"],
        first["connection_id"]
    );
}

#[tokio::test]
async fn ones_own_message_stays_away_without_echo_and_the_position_moves_on() {
    let server = Server::start();
    let allow = json!({"room": ["subscribe", "publish"]});
    let token = fanline_e2e::token(
        &server.info.signing_key,
        &fanline_e2e::claims("ann", &allow),
    );
    let mut client = Native::connect(&server, Some(&token), json!([{"channel": "room"}])).await;
    client.next_of("caught_up").await;
    client
        .send(&json!({"type": "publish", "id": 1, "channel": "room", "data": 1, "echo": false}))
        .await;
    let (mut published, mut skipped) = (Value::Null, Value::Null);
    while published.is_null() || skipped.is_null() {
        let frame = client.next().await;
        match frame["type"].as_str() {
            Some("published") => published = frame,
            Some("skipped") => skipped = frame,
            other => panic!("{other:?}: {frame}"),
        }
    }
    assert_eq!(skipped["reason"], "excluded");
    assert_eq!(skipped["through"], position(&published));
}
