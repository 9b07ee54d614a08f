//! What a client sends that makes no sense: an error without a code, and a socket that goes on.

use fanline_protocol::Frame;
use serde_json::{Value, json};

use crate::world::{Client, World, check_frame};

/// Exactly one `pusher:error` without a code came; the socket still works.
async fn refused(client: &mut Client) -> String {
    let frames = client.take();
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(
        (&frames[0]["event"], &frames[0]["data"]["code"]),
        (&json!("pusher:error"), &Value::Null)
    );
    assert!(client.closed().is_none() && client.is_usable().await);
    frames[0]["data"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn c017_a_binary_frame_is_refused() {
    let mut client = World::new().connect().await;
    client
        .send_frame(Frame::Binary(
            br#"{"event":"pusher:ping"}"#.as_slice().into(),
        ))
        .await;
    assert!(refused(&mut client).await.contains("Binary"));
}

#[test]
#[should_panic(expected = "c019")]
fn c019_the_check_of_every_frame_can_fail() {
    check_frame(r#"{"event":1}"#);
}

#[test]
#[should_panic(expected = "c022")]
fn c022_the_check_of_every_error_can_fail() {
    check_frame(r#"{"event":"pusher:error","data":"{}"}"#);
}

#[tokio::test]
async fn c023_malformed_json_and_other_shapes_get_an_error() {
    let mut client = World::new().connect().await;
    let deep = "[".repeat(10_000);
    let deep_field = format!(r#"{{"x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    for text in [
        "",
        " ",
        "{",
        "nonsense",
        "[]",
        "null",
        "12",
        r#""pusher:ping""#,
        "{}",
        r#"{"event":1}"#,
        r#"{"event":null}"#,
        r#"{"event":{"a":1}}"#,
        r#"{"data":{}}"#,
        r#"["pusher:ping"]"#,
        &deep,
        &deep_field,
    ] {
        client.send_text(text).await;
        refused(&mut client).await;
    }
}

#[tokio::test]
async fn c023_deeply_nested_data_is_not_handed_to_others() {
    let world = World::new();
    let (mut one, mut other) = (world.connect().await, world.connect().await);
    one.subscribe("private-a").await;
    other.subscribe("private-a").await;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    one.send_text(&format!(
        r#"{{"event":"client-a","channel":"private-a","data":{deep}}}"#
    ))
    .await;
    refused(&mut one).await;
    assert!(other.take().is_empty());
}

#[tokio::test]
async fn c024_an_unknown_event_is_named_in_the_error() {
    let mut client = World::new().connect().await;
    for event in [
        "hello",
        "pusher:hello",
        "pusher_internal:subscription_succeeded",
        "",
    ] {
        client.send(json!({"event": event, "data": {}})).await;
        assert!(
            refused(&mut client).await.contains(&format!("'{event}'")),
            "{event}"
        );
    }
    client.send(json!({"event": "x".repeat(100_000)})).await;
    assert!(
        refused(&mut client).await.len() < 1_000,
        "a long word is not sent back whole"
    );
}

#[tokio::test]
async fn c025_frames_act_in_their_order() {
    let world = World::new();
    let mut client = world.connect().await;
    let frame = |event: &str| json!({"event": event, "data": {"channel": "news"}});
    for _ in 0..1_000 {
        client.send(frame("pusher:subscribe")).await;
        client.send(frame("pusher:unsubscribe")).await;
    }
    client.send(frame("pusher:subscribe")).await;
    assert_eq!(client.take().len(), 1_001);
    let backend = crate::world::Backend::new(&world);
    backend
        .post(
            "events",
            &json!({"name": "n", "channel": "news", "data": "1"}),
        )
        .await
        .ok();
    assert_eq!(client.take().len(), 1);
}

#[tokio::test]
async fn c043_a_subscription_without_a_channel_is_an_error_and_no_crash() {
    let mut client = World::new().connect().await;
    for event in ["pusher:subscribe", "pusher:unsubscribe"] {
        for data in [
            json!(null),
            json!("x"),
            json!([]),
            json!(["a"]),
            json!({}),
            json!({"channel": 1}),
            json!({"channel": null}),
        ] {
            client.send(json!({"event": event, "data": data})).await;
            refused(&mut client).await;
        }
        client.send(json!({"event": event})).await;
        refused(&mut client).await;
    }
}

#[tokio::test]
async fn signing_in_is_refused_with_a_sentence_rather_than_with_silence() {
    let mut client = World::new().connect().await;
    let data = json!({"auth": "k:s", "user_data": "{\"id\":\"5\"}"});
    client
        .send(json!({"event": "pusher:signin", "data": data}))
        .await;
    assert!(refused(&mut client).await.contains("not served"));
}
