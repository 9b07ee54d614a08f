//! The sessions of this node: found by connection id, counted by app, swept.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::RandomState;
use fanline_model::{AppId, ConnectionId, Limits};
use fanline_protocol::Refusal;
use parking_lot::Mutex;
use slab::Slab;

use crate::rate::Bucket;
use crate::shared::SessionShared;

/// Locks of each index.
const SHARDS: usize = 32;

/// One lock's part of the index by connection id.
type ByConnection = Mutex<HashMap<ConnectionId, Arc<SessionShared>, RandomState>>;

/// Every session of the node.
pub(crate) struct Sessions {
    next: AtomicUsize,
    all: Box<[Mutex<Slab<Arc<SessionShared>>>]>,
    by_connection: Box<[ByConnection]>,
    apps: Mutex<HashMap<AppId, Arc<AppMeter>, RandomState>>,
}

/// What one app uses of this node.
pub(crate) struct AppMeter {
    connections: AtomicUsize,
    connects: Bucket,
    pub(crate) publishes: Bucket,
}

/// Where a session stands in the sweep's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionKey {
    shard: usize,
    index: usize,
}

// === impl Sessions ===

impl Sessions {
    pub(crate) fn new() -> Self {
        let hasher = RandomState::new();
        Self {
            next: AtomicUsize::new(0),
            all: (0..SHARDS).map(|_| Mutex::new(Slab::new())).collect(),
            by_connection: (0..SHARDS)
                .map(|_| Mutex::new(HashMap::with_hasher(hasher.clone())))
                .collect(),
            apps: Mutex::new(HashMap::with_hasher(hasher)),
        }
    }

    /// Adds a session that nobody has authenticated yet.
    pub(crate) fn add(&self, shared: Arc<SessionShared>) -> SessionKey {
        let shard = self.next.fetch_add(1, Ordering::Relaxed) % SHARDS;
        SessionKey {
            shard,
            index: self.all[shard].lock().insert(shared),
        }
    }

    /// Makes a session findable by its connection id. Of two holders of one id the newest is found.
    pub(crate) fn identify(&self, connection: ConnectionId, shared: Arc<SessionShared>) {
        self.of(connection).lock().insert(connection, shared);
    }

    /// Removes a session.
    pub(crate) fn remove(&self, key: SessionKey) {
        let Some(shared) = self.all[key.shard].lock().try_remove(key.index) else {
            return;
        };
        let Some(identity) = shared.identity() else {
            return;
        };
        let mut index = self.of(identity.connection).lock();
        if index
            .get(&identity.connection)
            .is_some_and(|held| Arc::ptr_eq(held, &shared))
        {
            index.remove(&identity.connection);
        }
    }

    pub(crate) fn find(&self, connection: ConnectionId) -> Option<Arc<SessionShared>> {
        self.of(connection).lock().get(&connection).cloned()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Looks at every session, a shard at a time.
    pub(crate) fn each(&self, mut look: impl FnMut(&Arc<SessionShared>)) {
        for shard in &self.all {
            shard.lock().iter().for_each(|(_, shared)| look(shared));
        }
    }

    /// The meter of an app.
    pub(crate) fn meter(&self, app: &AppId) -> Arc<AppMeter> {
        let mut apps = self.apps.lock();
        if let Some(meter) = apps.get(app) {
            return Arc::clone(meter);
        }
        let meter = Arc::new(AppMeter {
            connections: AtomicUsize::new(0),
            connects: Bucket::new(),
            publishes: Bucket::new(),
        });
        apps.insert(app.clone(), Arc::clone(&meter));
        meter
    }

    fn of(&self, connection: ConnectionId) -> &ByConnection {
        // The id's own bits are random.
        let (_, right) = connection.to_parts();
        &self.by_connection[usize::try_from(right % SHARDS as u64).unwrap_or(0)]
    }
}

// === impl AppMeter ===

impl AppMeter {
    /// Counts a connection in, or refuses it; whoever is counted in must be counted out.
    pub(crate) fn admit(&self, limits: &Limits, now: u64) -> Result<(), Refusal> {
        use fanline_model::ErrorCode::{LimitReached, RateLimited};
        let rate = limits.connects_per_second;
        if let Err(wait) = self.connects.take(1, rate, rate.saturating_mul(10), now) {
            let refusal = Refusal::new(
                RateLimited,
                "the app opens connections faster than it may; come back later",
            );
            return Err(Refusal {
                retry_after: Some(wait),
                ..refusal
            });
        }
        if self.connections.fetch_add(1, Ordering::AcqRel) >= limits.connections {
            self.release();
            return Err(Refusal::new(
                LimitReached,
                "the app has as many connections as it may",
            ));
        }
        Ok(())
    }

    pub(crate) fn release(&self) {
        self.connections.fetch_sub(1, Ordering::AcqRel);
    }
}
