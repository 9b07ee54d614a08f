//! Questions to the store that are under way or were answered with nothing: single flight, bounded.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fanline_model::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Mutex as Turns, MutexGuard};

use crate::directory::{AppRef, DirectoryError};

/// How long a miss is believed.
const MISS_KEPT: Duration = Duration::from_secs(1);

/// How many names may be under way or believed missing at once: so much can a stranger ask of the store
/// in a second by making names up.
const MOST: usize = 1_000;

/// The names that are being asked for, or were a moment ago.
#[derive(Debug, Default)]
pub(super) struct Lookups(Mutex<HashMap<AppRef, Arc<Lookup>, ahash::RandomState>>);

/// One name. Whoever holds the turn may ask the store; the others wait for the outcome. A waiter that
/// goes away, or whoever asks, takes nothing with it.
#[derive(Debug, Default)]
pub(super) struct Lookup(Turns<Miss>);

/// What the store said last, if it was nothing good.
#[derive(Debug, Default)]
pub(super) struct Miss(Option<(DirectoryError, Timestamp)>);

// === impl Lookups ===

impl Lookups {
    /// The lookup of a name. With too many under way the answer is "cannot be asked now", which strangers
    /// and friends may repeat, never "unknown". Ids come from what was verified before, never from
    /// strangers: they are always admitted, so that no flood delays a refresh.
    pub(super) fn of(&self, by: &AppRef, now: Timestamp) -> Result<Arc<Lookup>, DirectoryError> {
        let mut lookups = self.0.lock();
        if let Some(lookup) = lookups.get(by) {
            return Ok(lookup.clone());
        }
        if lookups.len() >= MOST {
            lookups.retain(|_, lookup| lookup.is_live(now));
        }
        if lookups.len() >= MOST && !matches!(by, AppRef::Id(_)) {
            return Err(DirectoryError::Unavailable);
        }
        Ok(lookups.entry(by.clone()).or_default().clone())
    }

    /// Forgets what was missing, because something came.
    pub(super) fn forget_misses(&self) {
        self.0
            .lock()
            .retain(|_, lookup| Arc::strong_count(lookup) > 1);
    }
}

// === impl Lookup ===

impl Lookup {
    pub(super) async fn turn(&self) -> MutexGuard<'_, Miss> {
        self.0.lock().await
    }

    /// Whether somebody asks, or the miss still stands.
    fn is_live(self: &Arc<Self>, now: Timestamp) -> bool {
        Arc::strong_count(self) > 1
            || self
                .0
                .try_lock()
                .is_ok_and(|miss| miss.standing(now).is_some())
    }
}

// === impl Miss ===

impl Miss {
    pub(super) fn standing(&self, now: Timestamp) -> Option<DirectoryError> {
        let (error, at) = self.0.as_ref()?;
        // A clock that stepped back ends the miss too.
        let fresh = *at <= now && now.since(*at) < MISS_KEPT;
        fresh.then(|| error.clone())
    }

    pub(super) fn set(&mut self, error: DirectoryError, now: Timestamp) {
        self.0 = Some((error, now));
    }
}
