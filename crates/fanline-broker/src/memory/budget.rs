//! What each app holds, as running counters: over budget refuses that app alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ahash::RandomState;
use fanline_model::AppId;
use parking_lot::RwLock;

use crate::broker::BrokerError;

/// What an app holds in a [`MemoryBroker`](super::MemoryBroker).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Channels with a log, a follower or something remembered.
    pub channels: usize,
    /// Bytes of logs, last values and idempotency records.
    pub bytes: usize,
}

/// The counters of every app.
pub(super) struct Budgets {
    limit: Usage,
    apps: RwLock<HashMap<AppId, Arc<Counters>, RandomState>>,
}

/// What one channel is charged to its app for. Dropping it gives everything back.
pub(super) struct Charge {
    app: Arc<Counters>,
    bytes: usize,
}

#[derive(Default)]
struct Counters {
    channels: AtomicUsize,
    bytes: AtomicUsize,
}

// === impl Budgets ===

impl Budgets {
    pub(super) fn new(limit: Usage, hasher: RandomState) -> Self {
        Self {
            limit,
            apps: RwLock::new(HashMap::with_hasher(hasher)),
        }
    }

    /// Charges one more channel to the app.
    pub(super) fn open(&self, app: &AppId) -> Result<Charge, BrokerError> {
        let counters = self.counters(app);
        let took = counters
            .channels
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                (held < self.limit.channels).then_some(held + 1)
            });
        match took {
            Ok(_) => Ok(Charge {
                app: counters,
                bytes: 0,
            }),
            Err(_) => Err(BrokerError::OverBudget),
        }
    }

    /// Charges one more channel that was held before, whatever the limit.
    pub(super) fn reopen(&self, app: &AppId) -> Charge {
        let counters = self.counters(app);
        counters.channels.fetch_add(1, Ordering::Relaxed);
        Charge {
            app: counters,
            bytes: 0,
        }
    }

    /// Whether the app of this charge may hold `more` bytes once it has given back `freed`.
    ///
    /// Publishes on other channels at the same moment may overshoot by what they hold in hand.
    pub(super) fn allows(&self, charge: &Charge, more: usize, freed: usize) -> bool {
        let held = charge.app.bytes.load(Ordering::Relaxed);
        held.saturating_add(more).saturating_sub(freed) <= self.limit.bytes
    }

    pub(super) fn usage(&self, app: &AppId) -> Usage {
        match self.apps.read().get(app) {
            Some(counters) => Usage {
                channels: counters.channels.load(Ordering::Relaxed),
                bytes: counters.bytes.load(Ordering::Relaxed),
            },
            None => Usage::default(),
        }
    }

    /// Forgets the apps that hold nothing.
    pub(super) fn sweep(&self) {
        self.apps
            .write()
            .retain(|_, counters| Arc::strong_count(counters) > 1);
    }

    fn counters(&self, app: &AppId) -> Arc<Counters> {
        if let Some(counters) = self.apps.read().get(app) {
            return Arc::clone(counters);
        }
        Arc::clone(self.apps.write().entry(app.clone()).or_default())
    }
}

// === impl Charge ===

impl Charge {
    /// Makes the charge what the channel now holds.
    pub(super) fn settle(&mut self, bytes: usize) {
        if bytes >= self.bytes {
            self.app
                .bytes
                .fetch_add(bytes - self.bytes, Ordering::Relaxed);
        } else {
            self.app
                .bytes
                .fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.settle(0);
        self.app.channels.fetch_sub(1, Ordering::Relaxed);
    }
}
