//! Public channels, and what holds for subscriptions of any kind.

use fanline_tenancy::{Access, NamespaceRule, RuleTable};
use serde_json::{Value, json};

use crate::world::{Backend, Client, World};

fn succeeded(channel: &str) -> String {
    format!(
        r#"{{"event":"pusher_internal:subscription_succeeded","channel":"{channel}","data":"{{}}"}}"#
    )
}

async fn publish(world: &std::sync::Arc<World>, channel: &str) {
    let event = json!({"name": "n", "channel": channel, "data": "1"});
    Backend::new(world).post("events", &event).await.ok();
}

/// A refused subscription is said twice: to the connection, as the hosted service does, and to the channel.
async fn refused(client: &mut Client, channel: &str, status: u16) -> String {
    let frames = client.subscribe_with(channel, json!({})).await;
    assert_eq!(frames.len(), 2, "{frames:?}");
    let (error, own) = (&frames[0]["data"], &frames[1]);
    assert_eq!(
        (&frames[0]["event"], &error["code"]),
        (&json!("pusher:error"), &Value::Null)
    );
    assert_eq!(error["channel"], channel);
    assert_eq!(
        (&own["event"], &own["channel"]),
        (&json!("pusher:subscription_error"), &json!(channel))
    );
    let data: Value = serde_json::from_str(own["data"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&data["error"], &data["status"]),
        (&error["message"], &json!(status))
    );
    assert!(client.is_usable().await);
    data["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn c035_c036_whatever_auth_says_a_public_channel_succeeds() {
    let mut client = World::new().connect().await;
    for data in [
        json!({"auth": ""}),
        json!({}),
        json!({"auth": null}),
        json!({"auth": "bogus"}),
        json!({"auth": 12, "channel_data": {}, "shared_secret": "s"}),
    ] {
        let frame =
            json!({"event": "pusher:subscribe", "data": {"channel": "news", "auth": data["auth"]}});
        client.send(frame).await;
        assert_eq!(client.take_texts(), [succeeded("news")]);
    }
}

#[tokio::test]
async fn c037_c038_a_second_subscribe_succeeds_again_and_doubles_nothing() {
    let world = World::new();
    let mut client = world.connect().await;
    for _ in 0..3 {
        client.subscribe("news").await;
    }
    publish(&world, "news").await;
    assert_eq!(client.take().len(), 1);
    let answer = Backend::new(&world)
        .get("channels/news", &[("info", "subscription_count")])
        .await;
    assert_eq!(
        answer.ok(),
        json!({"occupied": true, "subscription_count": 1})
    );
}

#[tokio::test]
async fn c039_unsubscribe_stops_deliveries_and_has_no_answer() {
    let world = World::new();
    let mut client = world.connect().await;
    client.subscribe("news").await;
    assert!(client.unsubscribe("news").await.is_empty());
    assert!(client.unsubscribe("never-subscribed").await.is_empty());
    assert!(client.unsubscribe("no channel at all").await.is_empty());
    publish(&world, "news").await;
    assert!(client.take().is_empty() && client.is_usable().await);
}

#[tokio::test]
async fn c041_names_have_pushers_characters_and_no_others() {
    let mut client = World::new().connect().await;
    for character in "_-=@,.;azAZ09".chars() {
        client.subscribe(&format!("a{character}b")).await;
    }
    for name in ["a b", "a/b", "a:b", "#x", "🎉", "a\u{0}b", ""] {
        refused(&mut client, name, 400).await;
    }
}

#[tokio::test]
async fn c042_a_name_of_200_characters_is_accepted_and_none_longer() {
    let mut client = World::new().connect().await;
    client.subscribe(&"x".repeat(164)).await;
    client.subscribe(&"x".repeat(200)).await;
    assert!(
        refused(&mut client, &"x".repeat(201), 400)
            .await
            .contains("200 characters")
    );
    let answer = client.subscribe_with(&"x".repeat(50_000), json!({})).await;
    assert_eq!(
        answer.len(),
        1,
        "what is no channel of anybody is not sent back whole"
    );
}

#[tokio::test]
async fn c044_the_channel_of_a_user_is_refused() {
    let mut client = World::new().connect().await;
    assert!(
        refused(&mut client, "#server-to-user-5", 501)
            .await
            .contains("not served")
    );
}

#[tokio::test]
async fn presence_and_cache_channels_are_refused_at_once_and_by_name() {
    let mut client = World::new().connect().await;
    for name in [
        "presence-a",
        "presence-cache-a",
        "cache-a",
        "private-cache-a",
        "private-encrypted-cache-a",
    ] {
        let message = refused(&mut client, name, 501).await;
        assert!(
            message.contains(name) && message.contains("not served"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_public_name_that_a_rule_protects_is_refused_with_the_rule() {
    let world = World::new();
    world.change(|app| {
        let mut rows = app.rules.rows().to_vec();
        rows.push(NamespaceRule::new("orders.", Access::Token));
        app.rules = RuleTable::new(rows);
    });
    let mut client = world.connect().await;
    assert!(
        refused(&mut client, "orders.7", 403)
            .await
            .contains("orders.")
    );
    client.subscribe("news").await;
}
