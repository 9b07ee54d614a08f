//! The cache in front of a store that counts what it is asked, and can be away or behind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fanline_model::{AppId, ManualClock, Timestamp};
use fanline_tenancy::{
    AppKey, AppRef, AppSnapshot, CachedDirectory, Directory, DirectoryError, Revision,
    StaticDirectory,
};
use tokio::sync::Semaphore;

use crate::world::{api_key, app, by_key, id};

/// A store that can be watched.
struct Store {
    rows: StaticDirectory,
    asked: AtomicUsize,
    /// What it says to everything, if it is not well.
    fails: Mutex<Option<DirectoryError>>,
    /// Answers go out one by one as permits come in.
    gate: Semaphore,
}

#[async_trait]
impl Directory for Store {
    async fn app(&self, by: &AppRef) -> Result<Arc<AppSnapshot>, DirectoryError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let fails = self.fails.lock().unwrap().clone();
        let answer = match fails {
            Some(error) => Err(error),
            None => self.rows.app(by).await,
        };
        let _permit = self.gate.acquire().await;
        answer
    }

    fn held(&self, _app: &AppId) -> Option<Arc<AppSnapshot>> {
        None
    }
}

struct World {
    store: Arc<Store>,
    clock: Arc<ManualClock>,
    cache: Arc<CachedDirectory>,
}

impl World {
    fn new() -> Self {
        let rows = StaticDirectory::new(vec![at("shop", 10)]);
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        let store = Arc::new(Store {
            rows,
            asked: AtomicUsize::new(0),
            fails: Mutex::new(None),
            gate,
        });
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_000)));
        let cache = Arc::new(CachedDirectory::new(store.clone(), clock.clone()));
        Self {
            store,
            clock,
            cache,
        }
    }

    fn asked(&self) -> usize {
        self.store.asked.load(Ordering::SeqCst)
    }

    fn store_says(&self, error: Option<DirectoryError>) {
        *self.store.fails.lock().unwrap() = error;
    }

    async fn revision(&self, by: &AppRef) -> Result<u64, DirectoryError> {
        self.cache
            .app(by)
            .await
            .map(|snapshot| snapshot.revision.app)
    }
}

fn at(name: &str, revision: u64) -> AppSnapshot {
    AppSnapshot {
        revision: Revision {
            tenant: 1,
            app: revision,
        },
        ..app(name)
    }
}

fn unknown(n: usize) -> AppRef {
    AppRef::Key(format!("nobody-{n}").into())
}

#[tokio::test]
async fn what_is_held_is_served_by_every_name_without_asking() {
    let world = World::new();
    assert!(world.cache.held(&id("shop")).is_none());
    let names = [
        by_key("shop"),
        AppRef::Id(id("shop")),
        AppRef::PusherApp("pusher-shop".into()),
        AppRef::ApiKey(api_key("shop", "all").id().clone()),
    ];
    for by in &names {
        assert_eq!(world.revision(by).await, Ok(10), "{by:?}");
    }
    assert_eq!(world.asked(), 1);
    assert!(world.cache.held(&id("shop")).is_some());
}

#[tokio::test]
async fn a_change_is_seen_after_the_refresh_and_old_names_are_gone() {
    let world = World::new();
    assert_eq!(world.revision(&by_key("shop")).await, Ok(10));
    let mut changed = at("shop", 11);
    changed.app_keys.remove("plain-shop");
    let new = AppKey::new("new-shop");
    changed.app_keys.insert(new.key.clone(), new);
    assert_eq!(
        world.revision(&AppRef::Key("new-shop".into())).await,
        Err(DirectoryError::Unknown)
    );
    world.store.rows.replace(changed);

    assert_eq!(
        world.revision(&by_key("shop")).await,
        Ok(10),
        "nothing is read on the way"
    );
    world.cache.refresh(&id("shop")).await.unwrap();
    assert_eq!(world.revision(&by_key("shop")).await, Ok(11));
    assert_eq!(
        world.revision(&AppRef::Key("new-shop".into())).await,
        Ok(11),
        "its miss is forgotten"
    );
    assert_eq!(
        world.revision(&AppRef::Key("plain-shop".into())).await,
        Err(DirectoryError::Unknown)
    );
}

#[tokio::test]
async fn it_serves_what_it_holds_while_it_reloads() {
    let world = World::new();
    assert_eq!(world.revision(&by_key("shop")).await, Ok(10));
    world.store.rows.replace(at("shop", 11));
    world.store.gate.forget_permits(Semaphore::MAX_PERMITS);
    let reload = tokio::spawn({
        let cache = world.cache.clone();
        async move { cache.refresh(&id("shop")).await }
    });
    while world.asked() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.revision(&by_key("shop")).await, Ok(10));
    world.store.gate.add_permits(1);
    reload.await.unwrap().unwrap();
    assert_eq!(world.revision(&by_key("shop")).await, Ok(11));
}

#[tokio::test]
async fn a_hundred_who_ask_at_once_are_one_question() {
    let world = World::new();
    world.store.gate.forget_permits(Semaphore::MAX_PERMITS);
    let ask = |by: AppRef| {
        let cache = world.cache.clone();
        tokio::spawn(async move { cache.app(&by).await.is_ok() })
    };
    let known: Vec<_> = (0..100).map(|_| ask(by_key("shop"))).collect();
    let missing: Vec<_> = (0..100).map(|_| ask(unknown(1))).collect();
    // The first of each is at the gate, all others stand behind it.
    while world.asked() < 2 {
        tokio::task::yield_now().await;
    }
    // Whoever asks may go away: the next takes the turn.
    known[0].abort();
    world.store.gate.add_permits(10);
    for task in known.into_iter().skip(1) {
        assert!(task.await.unwrap());
    }
    for task in missing {
        assert!(!task.await.unwrap());
    }
    assert!(world.asked() <= 3, "{}", world.asked());
}

#[tokio::test]
async fn a_miss_is_believed_for_a_second() {
    let world = World::new();
    for _ in 0..3 {
        assert_eq!(
            world.revision(&by_key("other")).await,
            Err(DirectoryError::Unknown)
        );
    }
    assert_eq!(world.asked(), 1);
    world.store.rows.replace(at("other", 5));
    world.clock.advance(Duration::from_millis(999));
    assert_eq!(
        world.revision(&by_key("other")).await,
        Err(DirectoryError::Unknown)
    );
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.revision(&by_key("other")).await, Ok(5));
}

#[tokio::test]
async fn made_up_names_cannot_ask_the_store_for_ever() {
    let world = World::new();
    for n in 0..1_500 {
        let expected = if n < 1_000 {
            DirectoryError::Unknown
        } else {
            DirectoryError::Unavailable
        };
        assert_eq!(world.revision(&unknown(n)).await, Err(expected), "{n}");
    }
    assert_eq!(world.asked(), 1_000);
    world.clock.advance(Duration::from_secs(1));
    let later = world.revision(&unknown(1_500)).await;
    assert_eq!(later, Err(DirectoryError::Unknown));
}

#[tokio::test]
async fn made_up_names_keep_no_change_from_being_read() {
    let world = World::new();
    assert_eq!(world.revision(&by_key("shop")).await, Ok(10));
    for n in 0..1_500 {
        assert!(world.revision(&unknown(n)).await.is_err());
    }
    world.store.rows.replace(at("shop", 11));
    assert_eq!(world.cache.refresh(&id("shop")).await, Ok(()));
    assert_eq!(world.revision(&by_key("shop")).await, Ok(11));
}

#[tokio::test]
async fn a_store_that_is_away_is_never_unknown_and_what_is_held_stays() {
    let world = World::new();
    assert_eq!(world.revision(&by_key("shop")).await, Ok(10));
    world.store_says(Some(DirectoryError::Unavailable));
    assert_eq!(
        world.cache.refresh(&id("shop")).await,
        Err(DirectoryError::Unavailable)
    );
    assert_eq!(world.revision(&by_key("shop")).await, Ok(10));
    assert_eq!(
        world.revision(&unknown(1)).await,
        Err(DirectoryError::Unavailable)
    );

    world.store_says(None);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(
        world.revision(&unknown(1)).await,
        Err(DirectoryError::Unknown)
    );
}

#[tokio::test]
async fn a_row_that_vanished_is_a_fault_and_not_a_deletion() {
    let world = World::new();
    assert_eq!(world.revision(&by_key("shop")).await, Ok(10));
    world.store_says(Some(DirectoryError::Unknown));
    assert_eq!(
        world.cache.refresh(&id("shop")).await,
        Err(DirectoryError::Unknown)
    );
    assert_eq!(world.revision(&by_key("shop")).await, Ok(10));
}

#[tokio::test]
async fn a_load_that_is_behind_is_asked_again_and_then_believed() {
    let world = World::new();
    assert_eq!(world.revision(&by_key("shop")).await, Ok(10));
    world.store.rows.replace(at("shop", 9));
    let before = world.asked();
    world.cache.refresh(&id("shop")).await.unwrap();
    assert_eq!(
        (
            world.asked() - before,
            world.revision(&by_key("shop")).await
        ),
        (2, Ok(9))
    );
}

#[tokio::test]
async fn a_lookup_never_puts_an_older_snapshot_in_place_of_a_newer() {
    let world = World::new();
    world.store.rows.replace(at("shop", 11));
    assert_eq!(world.revision(&by_key("shop")).await, Ok(11));
    let mut lagging = at("shop", 10);
    let old = AppKey::new("old-shop");
    lagging.app_keys.insert(old.key.clone(), old);
    world.store.rows.replace(lagging);
    assert_eq!(
        world.revision(&AppRef::Key("old-shop".into())).await,
        Err(DirectoryError::Unknown)
    );
    assert_eq!(world.revision(&by_key("shop")).await, Ok(11));
}
