//! What calls have met, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the broker began. They order nothing, so each is relaxed.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Calls that were begun.
    pub(crate) calls: AtomicU64,
    /// Attempts beyond a call's first: redirections and repetitions.
    pub(crate) retries: AtomicU64,
    /// Calls that ended without having been executed.
    pub(crate) unavailable: AtomicU64,
    /// Calls of which nobody knows whether they were executed, or whether enough replicas have them.
    pub(crate) unknown: AtomicU64,
    /// `WAIT`s that were sent.
    pub(crate) waits: AtomicU64,
    /// Of these, how many too few replicas acknowledged.
    pub(crate) shortfalls: AtomicU64,
}

// === impl Counters ===

impl Counters {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
