//! Apps that are a file: what it says holds for both protocols, and a change reaches who is connected.

use fanline_e2e::{Installation, Native, PusherSocket, channel_auth, claims, token};
use serde_json::json;

#[tokio::test]
async fn every_credential_of_the_file_opens_what_it_should() {
    let installation = Installation::new();
    let server = installation.start();
    let allow = json!({"private-*": ["subscribe"]});
    let signed = token(&server.info.signing_key, &claims("ann", &allow));
    let channel = json!([{"channel": "private-a"}]);
    let mut native = Native::connect(&server, Some(&signed), channel).await;
    native.next_of("caught_up").await;
    let mut pusher = PusherSocket::connect(&server).await;
    let auth = channel_auth(&server.info.pusher, &pusher.id, "private-a");
    assert!(pusher.subscribe("private-a", Some(&auth)).await);

    server
        .publish("private-a", json!({"name": "one", "data": 1}))
        .await;
    let body = json!({"name": "two", "channel": "private-a", "data": "2"}).to_string();
    let path = format!("/apps/{}/events", server.info.pusher.app_id);
    assert_eq!(server.pusher("POST", &path, &[], &body).await.status, 200);
    for name in ["one", "two"] {
        assert_eq!(native.next_of("message").await["name"], name);
        assert_eq!(pusher.next_event().await["event"], name);
    }
}

#[tokio::test]
async fn whoever_is_connected_is_sent_away_when_the_key_is_out_of_the_file() {
    let installation = Installation::new();
    let server = installation.start();
    let allow = json!({"private-*": ["subscribe"]});
    let signed = token(&server.info.signing_key, &claims("ann", &allow));
    let mut by_token = Native::connect(&server, Some(&signed), json!([])).await;
    let mut by_app_key = Native::connect(&server, None, json!([{"channel": "news"}])).await;
    by_app_key.next_of("caught_up").await;

    let text = installation.text();
    let at = text.find(&format!(".signing_keys.{}", server.info.signing_key.kid));
    let table = text[..at.expect("its table")]
        .rfind('[')
        .expect("its begin");
    installation.write(&text[..table]);
    let (code, frames) = by_token.until_close().await;
    assert_eq!(code, 4016, "{frames:?}");

    server
        .publish("news", json!({"data": "the others stay"}))
        .await;
    assert_eq!(
        by_app_key.next_of("message").await["data"],
        "the others stay"
    );

    installation.write(&text.replace("preset = \"pusher\"", "enabled = false"));
    let (code, frames) = by_app_key.until_close().await;
    assert_eq!(code, 4003, "{frames:?}");
}
