//! The directory: each app by each of its names, whole and at its revision.

use fanline_model::{KeyId, Limits, Timestamp};
use fanline_store::StoreDirectory;
use fanline_tenancy::{AppRef, Directory, DirectoryError, HashKeys, MasterKey, RuleTable};

use crate::world::{NOW, World, vault};

#[tokio::test]
async fn an_app_is_found_by_every_name_and_by_nothing_else() {
    let world = World::new().await;
    let directory = StoreDirectory::new(&world.store);
    for made in [&world.shop, &world.other] {
        let names = [
            AppRef::Id(made.app_id.clone()),
            AppRef::Key(made.pusher.key.as_str().into()),
            AppRef::PusherApp(made.pusher.app_id.as_str().into()),
            AppRef::from_api_key(made.api_key.expose()).unwrap(),
        ];
        for by in names {
            assert_eq!(directory.app(&by).await.unwrap().id, made.app_id, "{by:?}");
        }
    }
    for by in [
        AppRef::Key(world.shop.pusher.app_id.as_str().into()),
        AppRef::PusherApp(world.shop.pusher.key.as_str().into()),
        AppRef::ApiKey(world.shop.signing_key.kid.clone()),
        AppRef::ApiKey(KeyId::parse("op_x").unwrap()),
        AppRef::Key("' OR 1=1 --".into()),
    ] {
        assert_eq!(
            directory.app(&by).await.unwrap_err(),
            DirectoryError::Unknown,
            "{by:?}"
        );
    }
    assert!(directory.held(&world.shop.app_id).is_none());
}

#[tokio::test]
async fn a_snapshot_is_whole() {
    let world = World::new().await;
    let shop = world.snapshot().await;
    assert_eq!(shop.tenant.id, world.shop.tenant_id);
    assert_eq!((shop.revision.app, shop.revision.tenant), (NOW, NOW));
    assert_eq!(shop.pusher_app_id.as_ref(), Some(&world.shop.pusher.app_id));
    assert_eq!(shop.settings.limits, Limits::default());
    assert_eq!(shop.rules, RuleTable::born(true));
    assert_eq!(
        (
            shop.app_keys.len(),
            shop.api_keys.len(),
            shop.signing_keys.len()
        ),
        (1, 1, 1)
    );
    assert_eq!(
        shop.app_keys[world.shop.pusher.key.as_str()].pusher_secrets,
        std::slice::from_ref(&world.shop.pusher.secret)
    );
    let key = &shop.signing_keys[&world.shop.signing_key.kid];
    assert_eq!(
        (key.secret(), key.generated),
        (&world.shop.signing_key.secret, true)
    );
    assert_eq!(key.created_at, Timestamp::from_millis(NOW));
}

#[tokio::test]
async fn everything_is_there_again_after_a_restart() {
    let world = World::new().await;
    let before = world.snapshot().await;
    let store = world.open_again(vault()).await;
    let after = StoreDirectory::new(&store)
        .app(&AppRef::Id(world.shop.app_id.clone()))
        .await
        .unwrap();
    // One key of each kind, so that maps have one order.
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
    assert!(!store.operator().is_empty().await.unwrap());
}

#[tokio::test]
async fn a_secret_that_cannot_be_opened_disables_itself_alone() {
    let world = World::new().await;
    let wrong = fanline_store::Vault::new(MasterKey::new(1, [8; 32]), HashKeys::new(1, [2; 32]));
    let store = world.open_again(wrong).await;
    let shop = StoreDirectory::new(&store)
        .app(&AppRef::Id(world.shop.app_id.clone()))
        .await
        .unwrap();
    assert!(shop.signing_keys.is_empty());
    let key = &shop.app_keys[world.shop.pusher.key.as_str()];
    assert!(
        key.enabled && key.pusher_secrets.is_empty(),
        "clients still name the app by it"
    );
    assert_eq!(shop.api_keys.len(), 1, "hashes need no master key");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_not_an_unknown_app() {
    let world = World::new().await;
    let directory = StoreDirectory::new(&world.store);
    world.store.close().await;
    let asked = directory.app(&AppRef::Id(world.shop.app_id.clone())).await;
    assert_eq!(asked.unwrap_err(), DirectoryError::Unavailable);
}
