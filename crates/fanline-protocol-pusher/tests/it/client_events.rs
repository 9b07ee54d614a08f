//! Client events: who may send them, who gets them, and what they look like in the model.

use std::sync::Arc;

use fanline_model::PayloadKind;
use serde_json::{Value, json};

use crate::world::{Client, World};

async fn pair(world: &Arc<World>) -> (Client, Client) {
    let (mut one, mut other) = (world.connect().await, world.connect().await);
    one.subscribe("private-room").await;
    other.subscribe("private-room").await;
    (one, other)
}

async fn refused(client: &mut Client, channel: &str, name: &str, data: Value) -> String {
    let frames = client.client_event(channel, name, data).await;
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(
        (&frames[0]["event"], &frames[0]["data"]["code"]),
        (&json!("pusher:error"), &Value::Null)
    );
    assert!(client.is_usable().await);
    frames[0]["data"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn c072_c073_others_get_it_and_the_sender_does_not() {
    let world = World::new();
    let (mut one, mut other) = pair(&world).await;
    assert!(
        one.client_event("private-room", "client-typing", json!({"a": 1}))
            .await
            .is_empty()
    );
    let expected = r#"{"event":"client-typing","channel":"private-room","data":{"a":1}}"#;
    assert_eq!(other.take_texts(), [expected]);
}

#[tokio::test]
async fn c074_a_forged_user_id_goes_nowhere() {
    let world = World::new();
    let (mut one, mut other) = pair(&world).await;
    one.send(
        json!({"event": "client-a", "channel": "private-room", "data": 1, "user_id": "admin"}),
    )
    .await;
    assert_eq!(other.take()[0].get("user_id"), None);
}

#[tokio::test]
async fn c075_the_type_of_the_data_and_its_very_text_are_kept() {
    let world = World::new();
    let (mut one, mut other) = pair(&world).await;
    for data in [
        r#"{ "b":1,"a":[1.50] }"#,
        r#""text""#,
        r#""{\"a\":1}""#,
        "12",
        "[]",
        "null",
        "true",
    ] {
        one.send_text(&format!(
            r#"{{"channel":"private-room","data":{data},"event":"client-a"}}"#
        ))
        .await;
        let expected = format!(r#"{{"event":"client-a","channel":"private-room","data":{data}}}"#);
        assert_eq!(other.take_texts(), [expected]);
    }
    one.send_text(r#"{"event":"client-a","channel":"private-room"}"#)
        .await;
    let expected = r#"{"event":"client-a","channel":"private-room","data":null}"#;
    assert_eq!(
        other.take_texts(),
        [expected],
        "c020: data is there even if none was sent"
    );
}

#[tokio::test]
async fn in_the_model_it_is_ephemeral_json_without_the_prefix() {
    let world = World::new();
    let (mut one, _other) = pair(&world).await;
    one.client_event("private-room", "client-typing", json!("x"))
        .await;
    let (_, message) = world.published().remove(0);
    let draft = message.draft;
    assert_eq!(draft.name.as_deref(), Some("typing"));
    assert!(draft.ephemeral && draft.origin.connection == draft.origin.exclude);
    assert_eq!(
        (draft.payload.kind, &*draft.payload.bytes),
        (PayloadKind::Json, &b"\"x\""[..])
    );
}

#[tokio::test]
async fn c076_what_is_no_client_event_of_this_socket_is_refused() {
    let world = World::new();
    let (mut one, mut other) = pair(&world).await;
    one.subscribe("news").await;
    other.subscribe("news").await;
    for (channel, name, text) in [
        (
            "private-other",
            "client-a",
            "connection not subscribed to channel private-other",
        ),
        (
            "news",
            "client-a",
            "only supported on private and presence channels",
        ),
        (
            "cache-a",
            "client-a",
            "only supported on private and presence channels",
        ),
        ("presence-a", "client-a", "connection not subscribed"),
        ("private-room", "typing", "Unsupported event"),
        ("private-room", "pusher:x", "Unsupported event"),
        ("private-room", "pusher_internal:x", "Unsupported event"),
        ("private-room", "client-pusher:x", "system"),
        ("private-room", "client-", "name"),
        ("a b", "client-a", "channel name"),
    ] {
        let message = refused(&mut one, channel, name, json!(1)).await;
        assert!(message.contains(text), "{channel} {name}: {message}");
    }
    let long = format!("client-{}", "x".repeat(194));
    refused(&mut one, "private-room", &long, json!(1)).await;
    for channel in [json!(null), json!(1), json!({})] {
        let frames = one
            .ask(json!({"event": "client-a", "channel": channel, "data": 1}))
            .await;
        assert_eq!(frames[0]["event"], "pusher:error");
    }
    assert!(other.take().is_empty());
}

#[tokio::test]
async fn c076_an_app_that_does_not_allow_them_says_so() {
    let world = World::new();
    world.change(|app| app.settings.client_events = false);
    let (mut one, mut other) = pair(&world).await;
    let message = refused(&mut one, "private-room", "client-a", json!(1)).await;
    assert!(message.contains("switched off"), "{message}");
    assert!(other.take().is_empty());
}

#[tokio::test]
async fn c077_the_eleventh_in_a_second_gets_4301_and_the_socket_stays_open() {
    let world = World::new();
    let (mut one, mut other) = pair(&world).await;
    for _ in 0..10 {
        assert!(
            one.client_event("private-room", "client-a", json!(1))
                .await
                .is_empty()
        );
    }
    let frames = one.client_event("private-room", "client-a", json!(1)).await;
    assert_eq!(
        (&frames[0]["event"], &frames[0]["data"]["code"]),
        (&json!("pusher:error"), &json!(4301))
    );
    assert_eq!(other.take().len(), 10);
    assert!(one.is_usable().await);
}

#[tokio::test]
async fn c078_data_over_the_limit_is_refused_and_escapes_do_not_count() {
    let world = World::new();
    let (mut one, mut other) = pair(&world).await;
    let quotes = "\"".repeat(10_240);
    assert!(
        one.client_event("private-room", "client-a", json!(quotes))
            .await
            .is_empty()
    );
    let message = refused(
        &mut one,
        "private-room",
        "client-a",
        json!("é".repeat(5_121)),
    )
    .await;
    assert!(message.contains("10240"), "{message}");
    assert_eq!(other.take().len(), 1);
}
