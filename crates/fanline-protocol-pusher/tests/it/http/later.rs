//! What is not served yet says so, and only to who may ask.

use fanline_protocol::full_body;
use serde_json::json;

use crate::world::{Backend, World};

#[tokio::test]
async fn c123_the_users_of_a_channel() {
    let world = World::new();
    let backend = Backend::new(&world);
    assert!(
        backend
            .get("channels/private-a/users", &[])
            .await
            .refused(400)
            .contains("presence")
    );
    assert!(
        backend
            .get("channels/presence-a/users", &[])
            .await
            .refused(501)
            .contains("not served")
    );
}

#[tokio::test]
async fn ending_the_connections_of_a_user() {
    let world = World::new();
    let answer = Backend::new(&world)
        .post("users/5/terminate_connections", &json!({}))
        .await;
    assert!(answer.refused(501).contains("not served"));
}

#[tokio::test]
async fn an_event_to_a_user() {
    let world = World::new();
    let event = json!({"name": "n", "channel": "#server-to-user-5", "data": "1"});
    assert!(
        Backend::new(&world)
            .post("events", &event)
            .await
            .refused(501)
            .contains("not served")
    );
}

#[tokio::test]
async fn strangers_learn_nothing() {
    let world = World::new();
    let backend = Backend::new(&world);
    backend
        .send("GET", "/apps/3/channels/presence-a/users", full_body(""))
        .await
        .refused(401);
    backend
        .send(
            "POST",
            "/apps/3/users/5/terminate_connections",
            full_body(""),
        )
        .await
        .refused(401);
}

#[test]
fn the_document_names_every_operation_once() {
    let document = fanline_protocol_pusher::openapi();
    let paths: Vec<_> = document.paths.paths.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/apps/{app_id}/batch_events",
            "/apps/{app_id}/channels",
            "/apps/{app_id}/channels/{channel}",
            "/apps/{app_id}/channels/{channel}/users",
            "/apps/{app_id}/events",
            "/apps/{app_id}/users/{user_id}/terminate_connections",
        ]
    );
}
