#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fanline_broker::{BrokerError, memory::MemorySignals};
use fanline_model::{Limits, ManualClock, SystemRandom, TenantId};
use fanline_tenancy::{
    AppRef, AppSettings, AppSnapshot, Directory, Revision, RuleTable, StaticDirectory, TenantState,
};
use tokio::task::JoinHandle;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// A store that two nodes share.
#[derive(Default)]
struct Store {
    apps: StaticDirectory,
    is_away: AtomicBool,
    reads: AtomicUsize,
}

#[async_trait::async_trait]
impl Directory for Store {
    async fn app(&self, by: &AppRef) -> Result<Arc<AppSnapshot>, DirectoryError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.is_away.load(Ordering::SeqCst) {
            return Err(DirectoryError::Unavailable);
        }
        self.apps.app(by).await
    }

    fn held(&self, _: &AppId) -> Option<Arc<AppSnapshot>> {
        None
    }
}

fn snapshot(app: &AppId, revision: u64) -> AppSnapshot {
    AppSnapshot {
        id: app.clone(),
        pusher_app_id: None,
        revision: Revision {
            tenant: 1,
            app: revision,
        },
        tenant: TenantState {
            id: TenantId::parse("ten_1").unwrap(),
            suspended: false,
        },
        settings: AppSettings {
            name: "shop".to_owned(),
            enabled: true,
            allowed_origins: Vec::new(),
            client_events: false,
            limits: Limits::default(),
        },
        rules: RuleTable::new(Vec::new()),
        app_keys: HashMap::new(),
        api_keys: HashMap::new(),
        signing_keys: HashMap::new(),
    }
}

/// One node: its cache, and the task that keeps it fresh.
struct Node {
    directory: Arc<CachedDirectory>,
    changes: AppChangesOut,
    running: JoinHandle<()>,
}

impl Node {
    fn start(store: &Arc<Store>, signals: &Arc<dyn Signals>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let directory = Arc::new(CachedDirectory::new(Arc::clone(store) as _, clock));
        let stale = Arc::new(StaleApps::new(Arc::clone(&directory)));
        signals.listen(Arc::clone(&stale) as _);
        Self {
            changes: AppChangesOut::new(Arc::clone(&directory), Arc::clone(signals)),
            directory,
            running: tokio::spawn(async move { match stale.keep_fresh().await {} }),
        }
    }

    fn holds(&self, app: &AppId) -> Option<u64> {
        Some(self.directory.held(app)?.revision.app)
    }

    async fn comes_to_hold(&self, app: &AppId, revision: u64) {
        let wait = async {
            while self.holds(app) != Some(revision) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{:?}, not {revision}", self.holds(app));
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// An app at revision 1, and two nodes that hold it so.
async fn stage() -> (Arc<Store>, AppId, Node, Node) {
    let (store, app) = (Arc::<Store>::default(), AppId::generate(&SystemRandom));
    store.apps.replace(snapshot(&app, 1));
    let signals: Arc<dyn Signals> = Arc::new(MemorySignals::new());
    let (here, there) = (Node::start(&store, &signals), Node::start(&store, &signals));
    for node in [&here, &there] {
        let found = node.directory.app(&AppRef::Id(app.clone())).await;
        assert_eq!(found.unwrap().revision.app, 1);
    }
    (store, app, here, there)
}

#[tokio::test]
async fn a_change_is_in_force_here_when_it_is_told_and_elsewhere_soon_after() {
    let (store, app, here, there) = stage().await;
    store.apps.replace(snapshot(&app, 2));
    here.changes.changed(&app).await;
    assert_eq!(here.holds(&app), Some(2));
    there.comes_to_hold(&app, 2).await;
    // Once each to hold it, once each for the change: our own signal tells us nothing new.
    assert_eq!(store.reads.load(Ordering::SeqCst), 4);
}

/// Also downwards: a store that was restored from a copy has lower revisions.
#[tokio::test]
async fn another_revision_counts_whichever_it_is() {
    let (store, app, here, there) = stage().await;
    store.apps.replace(snapshot(&app, 5));
    here.changes.changed(&app).await;
    there.comes_to_hold(&app, 5).await;
    store.apps.replace(snapshot(&app, 3));
    here.changes.changed(&app).await;
    there.comes_to_hold(&app, 3).await;
}

/// Nobody says so again: it must be remembered.
#[tokio::test]
async fn a_store_that_does_not_answer_is_asked_until_it_does() {
    let (store, app, here, there) = stage().await;
    store.apps.replace(snapshot(&app, 2));
    store.is_away.store(true, Ordering::SeqCst);
    here.changes.changed(&app).await;
    let asked = async {
        // Twice to hold it, once for the change, and then by each node on its own.
        while store.reads.load(Ordering::SeqCst) < 5 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, asked).await.unwrap();
    assert_eq!((here.holds(&app), there.holds(&app)), (Some(1), Some(1)));
    store.is_away.store(false, Ordering::SeqCst);
    here.comes_to_hold(&app, 2).await;
    there.comes_to_hold(&app, 2).await;
}

/// An older version may be on its way into the cache when the signal arrives.
#[tokio::test]
async fn an_app_that_is_not_held_yet_is_read_too() {
    let (store, app) = (Arc::<Store>::default(), AppId::generate(&SystemRandom));
    store.apps.replace(snapshot(&app, 1));
    let signals: Arc<dyn Signals> = Arc::new(MemorySignals::new());
    let (here, there) = (Node::start(&store, &signals), Node::start(&store, &signals));
    here.changes.changed(&app).await;
    there.comes_to_hold(&app, 1).await;
}

/// Signals that never get anywhere.
struct Stuck;

#[async_trait::async_trait]
impl Signals for Stuck {
    async fn send(&self, _: Signal) -> Result<(), BrokerError> {
        std::future::pending().await
    }

    fn listen(&self, _: Arc<dyn SignalHandler>) {}
}

#[tokio::test]
async fn whoever_changes_something_does_not_wait_for_other_nodes() {
    let (store, app) = (Arc::<Store>::default(), AppId::generate(&SystemRandom));
    store.apps.replace(snapshot(&app, 1));
    let signals: Arc<dyn Signals> = Arc::new(Stuck);
    let here = Node::start(&store, &signals);
    let changed = timeout(PATIENCE, here.changes.changed(&app)).await;
    assert!(changed.is_ok());
    assert_eq!(here.holds(&app), Some(1));
}
