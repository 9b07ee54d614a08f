//! Apps: look and change.

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_app_shows_its_settings_its_names_and_every_limit() {
    let world = World::new().await;
    let app = world.call("GET", &world.shop(""), None).await.body;
    assert_eq!(app["id"], world.shop.app_id.as_str());
    assert_eq!(app["tenant_id"], world.shop.tenant_id.as_str());
    assert_eq!(app["pusher_app_id"], world.shop.pusher.app_id.as_str());
    assert_eq!(
        app["app_keys"],
        json!([{"key": world.shop.pusher.key, "enabled": true, "pusher": true}])
    );
    assert_eq!(
        (&app["enabled"], &app["serving"], &app["client_events"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(app["limits"]["message_bytes"], 65_536);
    assert_eq!(app["limits"].as_object().unwrap().len(), 15);
}

#[tokio::test]
async fn a_change_is_in_force_when_it_is_answered() {
    let world = World::new().await;
    assert!(
        world
            .seen()
            .await
            .admits_origin(Some("https://evil.example"))
    );
    let change = json!({"allowed_origins": ["https://shop.example"], "limits": {"channels_per_connection": 3}});
    let answer = world.call("PATCH", &world.shop(""), Some(change)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["limits"]["channels_per_connection"], 3);

    let seen = world.seen().await;
    assert!(!seen.admits_origin(Some("https://evil.example")));
    assert_eq!(seen.settings.limits.channels_per_connection, 3);
    assert_eq!(answer.body["revision"], seen.revision.app);
    assert_eq!(
        world.call("GET", &world.shop(""), None).await.body,
        answer.body
    );
}

#[tokio::test]
async fn an_app_can_be_switched_off_and_on_again() {
    let world = World::new().await;
    for on in [false, true] {
        let answer = world
            .call("PATCH", &world.shop(""), Some(json!({"enabled": on})))
            .await;
        assert_eq!(
            (&answer.body["enabled"], &answer.body["serving"]),
            (&json!(on), &json!(on))
        );
        assert_eq!(world.seen().await.is_serving(), on);
    }
}

#[tokio::test]
async fn the_audit_names_the_operator_s_token_and_not_its_secret() {
    let world = World::new().await;
    world
        .call("PATCH", &world.shop(""), Some(json!({"name": "x"})))
        .await;
    let lines = world.store.operator().audit(10).await.unwrap();
    let line = lines
        .iter()
        .find(|line| line.action == "app.patch")
        .unwrap();
    let id = line.actor.strip_prefix("operator:").unwrap();
    assert!(
        world
            .shop
            .operator_token
            .expose()
            .starts_with(&format!("fl_{id}_")),
        "{id}"
    );
}
