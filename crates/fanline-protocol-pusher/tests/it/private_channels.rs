//! Private channels: whose signature, for which connection, over which text.

use serde_json::{Value, json};

use crate::world::{
    Backend, Client, KEY, OTHER_KEY, OTHER_SECRET, SECOND_KEY, SECOND_SECRET, SECRET, World, auth,
    hmac,
};

const VECTOR: &str =
    "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";

async fn refused(client: &mut Client, channel: &str, data: Value) -> String {
    let frames = client.subscribe_with(channel, data).await;
    assert_eq!(frames.len(), 2, "{frames:?}");
    assert_eq!(frames[0]["data"]["code"], Value::Null);
    assert_eq!(frames[1]["event"], "pusher:subscription_error");
    assert!(client.closed().is_none());
    frames[0]["data"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn c046_the_documented_signature_is_accepted_and_no_other_digit() {
    let world = World::new();
    let mut client = world.connect_as("1234.1234").await;
    let damaged = VECTOR.replace("a4", "a5");
    let message = refused(&mut client, "private-foobar", json!({"auth": damaged})).await;
    let expected =
        "Invalid signature: Expected HMAC SHA256 hex digest of 1234.1234:private-foobar, but got ";
    assert!(message.starts_with(expected), "{message}");
    let answer = client
        .subscribe_with("private-foobar", json!({"auth": VECTOR}))
        .await;
    assert_eq!(answer[0]["event"], "pusher_internal:subscription_succeeded");
}

#[tokio::test]
async fn c047_a_signature_for_another_socket_channel_or_app_is_refused() {
    let mut client = World::new().connect_as("1234.1234").await;
    let foreign = format!("{KEY}:{}", hmac(OTHER_SECRET, "1234.1234:private-a"));
    for auth in [
        auth("1234.1235", "private-a"),
        auth("1234.1234", "private-b"),
        foreign,
    ] {
        refused(&mut client, "private-a", json!({"auth": auth})).await;
    }
}

#[tokio::test]
async fn c048_each_fault_of_auth_has_its_own_sentence() {
    let mut client = World::new().connect_as("1234.1234").await;
    let other = format!("{OTHER_KEY}:{}", hmac(OTHER_SECRET, "1234.1234:private-a"));
    for (data, text) in [
        (json!({}), "is missing"),
        (json!({"auth": ""}), "is missing"),
        (json!({"auth": 12}), "is not a string"),
        (
            json!({"auth": "nocolon"}),
            "should be of format 'key:signature'",
        ),
        (json!({"auth": ":sig"}), "is invalid"),
        (json!({"auth": "key:"}), "is invalid"),
        (
            json!({"auth": other}),
            "Invalid key in subscription auth data: 'other-key'",
        ),
        (
            json!({"auth": auth("1234.1234", "private-a"), "channel_data": {}}),
            "channel_data must be a string",
        ),
    ] {
        let message = refused(&mut client, "private-a", data.clone()).await;
        assert!(message.contains(text), "{data}: {message}");
    }
}

#[tokio::test]
async fn c049_upper_case_hex_is_refused() {
    let mut client = World::new().connect_as("1234.1234").await;
    let upper = format!(
        "{KEY}:{}",
        hmac(SECRET, "1234.1234:private-a").to_uppercase()
    );
    refused(&mut client, "private-a", json!({"auth": upper})).await;
}

#[tokio::test]
async fn c050_channel_data_enters_what_is_signed() {
    let mut client = World::new().connect_as("1234.1234").await;
    let member = r#"{"user_id": "ü"}"#;
    let signed = format!(
        "{KEY}:{}",
        hmac(SECRET, &format!("1234.1234:private-a:{member}"))
    );
    let plain = auth("1234.1234", "private-a");
    refused(
        &mut client,
        "private-a",
        json!({"auth": plain, "channel_data": member}),
    )
    .await;
    refused(&mut client, "private-a", json!({"auth": signed})).await;
    let answer = client
        .subscribe_with("private-a", json!({"auth": signed, "channel_data": member}))
        .await;
    assert_eq!(answer[0]["event"], "pusher_internal:subscription_succeeded");
}

#[tokio::test]
async fn c051_a_second_key_of_the_app_signs_as_well() {
    let mut client = World::new().connect_as("1234.1234").await;
    let auth = format!(
        "{SECOND_KEY}:{}",
        hmac(SECOND_SECRET, "1234.1234:private-a")
    );
    let answer = client
        .subscribe_with("private-a", json!({"auth": auth}))
        .await;
    assert_eq!(answer[0]["event"], "pusher_internal:subscription_succeeded");
}

#[tokio::test]
async fn c052_after_a_refusal_nothing_of_the_channel_comes_or_goes() {
    let world = World::new();
    let (mut refused_one, mut other) = (world.connect().await, world.connect().await);
    other.subscribe("private-a").await;
    refused(&mut refused_one, "private-a", json!({"auth": "k:s"})).await;
    let event = json!({"name": "n", "channel": "private-a", "data": "1"});
    Backend::new(&world).post("events", &event).await.ok();
    assert_eq!(other.take().len(), 1);
    assert!(refused_one.take().is_empty());
    let answer = refused_one
        .client_event("private-a", "client-a", json!(1))
        .await;
    assert_eq!(answer[0]["event"], "pusher:error");
    assert!(other.take().is_empty());
}

#[tokio::test]
async fn c053_a_refusal_reaches_the_bindings_of_the_channel() {
    let mut client = World::new().connect().await;
    let frames = client
        .subscribe_with("private-a", json!({"auth": "k:s"}))
        .await;
    assert_eq!(
        (&frames[1]["event"], &frames[1]["channel"]),
        (&json!("pusher:subscription_error"), &json!("private-a"))
    );
    let data: Value = serde_json::from_str(frames[1]["data"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&data["type"], &data["status"]),
        (&json!("AuthError"), &json!(401))
    );
}

#[tokio::test]
async fn c054_an_encrypted_channel_is_signed_like_a_private_one() {
    let mut client = World::new().connect_as("1234.1234").await;
    let auth = format!("{KEY}:e6a18892d037c5d5e76a2265df4f086ffc38631605530dfd214aa5bff495f533");
    let data =
        json!({"auth": auth, "shared_secret": "g3Au6SZ+UCU+IMfFsFva0rq+Gi4tzSHR6WCcWZbS9sY="});
    let answer = client
        .subscribe_with("private-encrypted-foobar", data)
        .await;
    assert_eq!(answer[0]["event"], "pusher_internal:subscription_succeeded");
}

#[tokio::test]
async fn c055_ciphertext_arrives_byte_for_byte_and_nothing_else_is_taken() {
    let world = World::new();
    let backend = Backend::new(&world);
    let mut client = world.connect().await;
    client.subscribe("private-encrypted-foobar").await;
    let ciphertext = r#"{"nonce":"ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7","ciphertext":"F7xwpRARZEWALcZrQkIoxVhTEZSLBDgserLxdUaq7uxh"}"#;
    let event =
        |data: &str| json!({"name": "n", "channel": "private-encrypted-foobar", "data": data});
    backend.post("events", &event(ciphertext)).await.ok();
    assert_eq!(client.take()[0]["data"], ciphertext);
    for plain in ["hello", "1", "{}", r#"{"nonce":"n"}"#] {
        let answer = backend.post("events", &event(plain)).await;
        assert!(answer.refused(400).contains("ciphertext"), "{plain}");
        let answer = client
            .client_event("private-encrypted-foobar", "client-a", json!(plain))
            .await;
        assert_eq!(answer[0]["event"], "pusher:error", "{plain}");
    }
    assert_eq!(world.published().len(), 1);
}
