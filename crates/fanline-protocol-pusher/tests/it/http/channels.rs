//! `GET /apps/{app_id}/channels` and one channel of them.

use serde_json::json;

use crate::world::{Backend, World};

#[tokio::test]
async fn c120_no_channels_are_an_empty_object() {
    let world = World::new();
    assert_eq!(
        Backend::new(&world).get("channels", &[]).await.text,
        r#"{"channels":{}}"#
    );
}

#[tokio::test]
async fn c045_c120_the_occupied_channels_are_listed_and_filtered() {
    let world = World::new();
    let backend = Backend::new(&world);
    let mut client = world.connect().await;
    for name in ["a1", "a2", "a3", "b1", "private-a"] {
        client.subscribe(name).await;
    }
    let all = backend.get("channels", &[]).await.ok();
    assert_eq!(
        all,
        json!({"channels": {"a1": {}, "a2": {}, "a3": {}, "b1": {}, "private-a": {}}})
    );
    let some = backend
        .get(
            "channels",
            &[("filter_by_prefix", "a"), ("info", "subscription_count")],
        )
        .await
        .ok();
    let one = json!({"subscription_count": 1});
    assert_eq!(some, json!({"channels": {"a1": one, "a2": one, "a3": one}}));
    client.unsubscribe("a1").await;
    assert!(
        backend.get("channels", &[]).await.ok()["channels"]
            .get("a1")
            .is_none()
    );
}

#[tokio::test]
async fn c120_user_count_needs_a_presence_prefix() {
    let world = World::new();
    let backend = Backend::new(&world);
    for prefix in ["", "pres", "private-"] {
        let parameters = [("filter_by_prefix", prefix), ("info", "user_count")];
        backend.get("channels", &parameters).await.refused(400);
    }
    backend
        .get(
            "channels",
            &[("filter_by_prefix", "presence-"), ("info", "user_count")],
        )
        .await
        .ok();
    backend
        .get("channels", &[("info", "cache")])
        .await
        .refused(400);
}

#[tokio::test]
async fn c121_a_channel_that_nobody_follows_is_no_error() {
    let world = World::new();
    let backend = Backend::new(&world);
    assert_eq!(
        backend.get("channels/never-seen", &[]).await.text,
        r#"{"occupied":false}"#
    );
    let mut client = world.connect().await;
    client.subscribe("a=@,.;b").await;
    assert_eq!(
        backend.get("channels/a=@,.;b", &[]).await.text,
        r#"{"occupied":true}"#
    );
}

#[tokio::test]
async fn c122_an_attribute_that_does_not_fit_is_refused() {
    let world = World::new();
    let backend = Backend::new(&world);
    for (channel, info, status) in [
        ("a", "user_count", 400),
        ("presence-a", "subscription_count", 400),
        ("a", "cache", 400),
        ("cache-a", "cache", 501),
        ("a", "nonsense", 400),
    ] {
        let answer = backend
            .get(&format!("channels/{channel}"), &[("info", info)])
            .await;
        answer.refused(status);
    }
    let answer = backend
        .get("channels/presence-a", &[("info", "user_count")])
        .await
        .ok();
    assert_eq!(answer, json!({"occupied": false, "user_count": 0}));
}

#[tokio::test]
async fn parameters_of_nobody_are_ignored() {
    let world = World::new();
    Backend::new(&world)
        .get("channels", &[("x", "1"), ("body", "2")])
        .await
        .ok();
}

#[tokio::test]
async fn a_name_that_pusher_does_not_know_is_refused() {
    let world = World::new();
    let backend = Backend::new(&world);
    backend.get("channels/a:b", &[]).await.refused(400);
    backend
        .get("channels/%23server-to-user-5", &[])
        .await
        .refused(501);
}
