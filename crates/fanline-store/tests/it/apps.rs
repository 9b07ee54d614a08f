//! Settings of an app, and whose they are.

use fanline_model::AppId;
use fanline_store::StoreError;
use fanline_store::document::{AppDocument, AppPatch, LimitsDocument};
use serde_json::json;

use crate::world::{NOW, World};

fn patch(json: serde_json::Value) -> AppPatch {
    serde_json::from_value(json).unwrap()
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let world = World::new().await;
    let (app, actor) = (&world.shop.app_id, world.actor().await);
    let settings = json!({
        "allowed_origins": ["https://shop.example"], "client_events": false,
        "limits": {"channels_per_connection": 7, "token_lifetime_seconds": 600},
    });
    let changed = world
        .scope()
        .patch_app(app, &patch(settings), &actor)
        .await
        .unwrap();
    assert_eq!(
        (changed.settings.name.as_str(), changed.settings.enabled),
        ("shop", true)
    );
    assert_eq!(changed.settings.allowed_origins, ["https://shop.example"]);
    assert!(
        !changed.settings.client_events && !changed.admits_origin(Some("https://evil.example"))
    );
    assert_eq!(changed.settings.limits.channels_per_connection, 7);

    // Limits are replaced whole: what is not listed goes back to its default.
    let more = patch(json!({"enabled": false, "limits": {"channels_per_connection": 8}}));
    let changed = world.scope().patch_app(app, &more, &actor).await.unwrap();
    assert_eq!(changed.settings.limits.token_lifetime.as_secs(), 604_800);
    assert!(!changed.is_serving() && !changed.settings.client_events);
    assert_eq!(
        AppDocument::of(&changed),
        AppDocument::of(&*world.snapshot().await)
    );
}

#[tokio::test]
async fn each_change_raises_the_revision_even_when_the_clock_stands_or_steps_back() {
    let world = World::new().await;
    let actor = world.actor().await;
    let touch = async || {
        world
            .scope()
            .patch_app(&world.shop.app_id, &AppPatch::default(), &actor)
            .await
            .unwrap()
            .revision
            .app
    };
    assert_eq!((touch().await, touch().await), (NOW + 1, NOW + 2));
    world
        .clock
        .set(fanline_model::Timestamp::from_millis(NOW - 5_000));
    assert_eq!(touch().await, NOW + 3);
    world
        .clock
        .set(fanline_model::Timestamp::from_millis(NOW + 5_000));
    assert_eq!(touch().await, NOW + 5_000);
}

#[tokio::test]
async fn writes_at_once_take_turns() {
    let world = World::new().await;
    let actor = world.actor().await;
    let write = |n: u64| {
        let (scope, app, actor) = (world.scope(), world.shop.app_id.clone(), actor.clone());
        let limits = LimitsDocument {
            channels: Some(n),
            ..LimitsDocument::default()
        };
        let patch = AppPatch {
            limits: Some(limits),
            ..AppPatch::default()
        };
        tokio::spawn(async move {
            scope
                .patch_app(&app, &patch, &actor)
                .await
                .unwrap()
                .revision
                .app
        })
    };
    let mut revisions = Vec::new();
    for task in (0..20).map(write).collect::<Vec<_>>() {
        revisions.push(task.await.unwrap());
    }
    revisions.sort_unstable();
    assert_eq!(revisions, (NOW + 1..=NOW + 20).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_belongs_to_another_tenant_is_not_there() {
    let world = World::new().await;
    let (foreign, actor) = (&world.other.app_id, world.actor().await);
    let scope = world.scope();
    assert!(matches!(
        scope.app(foreign).await,
        Err(StoreError::NotFound("app"))
    ));
    assert!(matches!(
        scope.namespaces(foreign).await,
        Err(StoreError::NotFound("app"))
    ));
    let disable = patch(json!({"enabled": false}));
    assert!(matches!(
        scope.patch_app(foreign, &disable, &actor).await,
        Err(StoreError::NotFound("app"))
    ));
    let none = AppId::parse("app_none").unwrap();
    assert!(matches!(
        world.store.operator().scope_of(&none).await,
        Err(StoreError::NotFound("app"))
    ));

    let operator = world.store.operator();
    let own = operator
        .scope_of(foreign)
        .await
        .unwrap()
        .app(foreign)
        .await
        .unwrap();
    assert!(
        own.is_serving() && own.revision.app == NOW,
        "it was not touched"
    );
    let mut ids: Vec<_> = operator
        .apps()
        .await
        .unwrap()
        .into_iter()
        .map(|app| app.id)
        .collect();
    let mut made = vec![world.shop.app_id.clone(), foreign.clone()];
    ids.sort();
    made.sort();
    assert_eq!(ids, made);
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_leaves_no_trace() {
    let world = World::new().await;
    let (app, actor) = (&world.shop.app_id, world.actor().await);
    let bad = patch(json!({"allowed_origins": ["shop.example/path"]}));
    let refused = world
        .scope()
        .patch_app(app, &bad, &actor)
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, StoreError::Invalid(text) if text.contains("shop.example/path")),
        "{refused}"
    );
    assert_eq!(world.snapshot().await.revision.app, NOW);
}

#[tokio::test]
async fn the_audit_says_who_changed_what() {
    let world = World::new().await;
    let actor = world.actor().await;
    world.clock.advance(std::time::Duration::from_secs(1));
    let change = patch(json!({"name": "the shop"}));
    world
        .scope()
        .patch_app(&world.shop.app_id, &change, &actor)
        .await
        .unwrap();
    let lines = world.store.operator().audit(10).await.unwrap();
    let newest = &lines[0];
    assert_eq!(
        (newest.action.as_str(), &newest.detail),
        ("app.patch", &json!({"name": "the shop"}))
    );
    assert!(newest.actor.starts_with("operator:op_"), "{}", newest.actor);
    assert_eq!(newest.app.as_deref(), Some(world.shop.app_id.as_str()));
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.action == "bootstrap")
            .count(),
        2
    );
}
