//! Rule rows: put, list, remove.

use fanline_model::Channel;
use fanline_store::document::NamespaceSettings;
use fanline_store::{Put, StoreError};
use fanline_tenancy::{Access, RuleTable};

use crate::world::{NOW, World};

fn settings(json: &str) -> NamespaceSettings {
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn a_rule_governs_its_channels_from_its_revision_on() {
    let world = World::new().await;
    let (app, actor) = (&world.shop.app_id, world.actor().await);
    let wide = settings(r#"{"access": "token", "history": {"bytes": 67108864}}"#);
    let (document, put) = world
        .scope()
        .put_namespace(app, "orders.", &wide, &actor)
        .await
        .unwrap();
    assert_eq!((document.prefix.as_str(), put), ("orders.", Put::Created));
    let snapshot = world.snapshot().await;
    let rule = snapshot.rules.of(&Channel::parse("orders.5").unwrap());
    assert_eq!(
        (rule.prefix.as_str(), rule.access),
        ("orders.", Access::Token)
    );
    assert_eq!(rule.retention.history.unwrap().bytes, 67_108_864);
    assert_eq!(snapshot.revision.app, NOW + 1);

    let (_, put) = world
        .scope()
        .put_namespace(app, "orders.", &settings("{}"), &actor)
        .await
        .unwrap();
    assert_eq!(put, Put::Replaced);
    assert_eq!(
        world
            .scope()
            .namespace(app, "orders.")
            .await
            .unwrap()
            .settings,
        settings("{}")
    );

    world
        .scope()
        .delete_namespace(app, "orders.", &actor)
        .await
        .unwrap();
    let snapshot = world.snapshot().await;
    assert_eq!(
        (&snapshot.rules, snapshot.revision.app),
        (&RuleTable::born(true), NOW + 3)
    );
}

#[tokio::test]
async fn a_preset_s_rule_is_the_owner_s_once_it_was_put() {
    let world = World::new().await;
    let (app, actor) = (&world.shop.app_id, world.actor().await);
    assert!(world.scope().namespace(app, "").await.unwrap().preset);
    let open = settings(r#"{"access": "open"}"#);
    world
        .scope()
        .put_namespace(app, "", &open, &actor)
        .await
        .unwrap();
    assert!(!world.scope().namespace(app, "").await.unwrap().preset);
}

#[tokio::test]
async fn a_prefix_is_kept_byte_for_byte() {
    let world = World::new().await;
    let (app, actor) = (&world.shop.app_id, world.actor().await);
    for prefix in ["", "A", "a", "x_", "it-s:a/b,c;d=e@f."] {
        world
            .scope()
            .put_namespace(app, prefix, &settings("{}"), &actor)
            .await
            .unwrap();
        assert_eq!(
            world.scope().namespace(app, prefix).await.unwrap().prefix,
            prefix
        );
    }
    // `_` is no wildcard of SQL here.
    assert!(matches!(
        world.scope().namespace(app, "x-").await,
        Err(StoreError::NotFound("namespace"))
    ));
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_raises_nothing() {
    let world = World::new().await;
    let (app, actor) = (&world.shop.app_id, world.actor().await);
    let scope = world.scope();
    let open = settings(r#"{"access": "open"}"#);
    assert!(matches!(
        scope.put_namespace(app, "private-x", &open, &actor).await,
        Err(StoreError::Conflict(_))
    ));
    assert!(matches!(
        scope.put_namespace(app, "a b", &open, &actor).await,
        Err(StoreError::Invalid(_))
    ));
    assert!(matches!(
        scope.delete_namespace(app, "", &actor).await,
        Err(StoreError::Conflict(_))
    ));
    assert!(matches!(
        scope.delete_namespace(app, "nope", &actor).await,
        Err(StoreError::NotFound("namespace"))
    ));
    let foreign = &world.other.app_id;
    assert!(matches!(
        scope.put_namespace(foreign, "a", &open, &actor).await,
        Err(StoreError::NotFound("app"))
    ));
    assert!(matches!(
        scope.delete_namespace(foreign, "cache-", &actor).await,
        Err(StoreError::NotFound("app"))
    ));
    assert_eq!(world.snapshot().await.revision.app, NOW);
}

#[tokio::test]
async fn an_app_has_at_most_a_thousand_rules() {
    let world = World::new().await;
    let (app, actor) = (&world.shop.app_id, world.actor().await);
    let born = RuleTable::born(true).rows().len();
    for n in born..1_000 {
        world
            .scope()
            .put_namespace(app, &format!("n{n}."), &settings("{}"), &actor)
            .await
            .unwrap();
    }
    let more = world
        .scope()
        .put_namespace(app, "more.", &settings("{}"), &actor)
        .await
        .unwrap_err();
    assert!(
        matches!(&more, StoreError::Conflict(text) if text.contains("at most 1000")),
        "{more}"
    );
    assert!(
        world
            .scope()
            .put_namespace(app, "n999.", &settings("{}"), &actor)
            .await
            .is_ok()
    );
}
