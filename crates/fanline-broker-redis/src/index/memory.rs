//! What this node has indexed of late.
//!
//! What is remembered holds for a minute and for one epoch: under another one the index may have been lost with
//! the rest. Whoever removes something from an index must know that nobody remembers it any more.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use fanline_model::Epoch;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::keys::{self, PARTITIONS};

/// How long what was indexed is remembered.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(60);

/// By partition, each with a lock of its own.
pub(crate) struct Memory(Box<[Mutex<HashMap<Bytes, Remembered>>]>);

struct Remembered {
    at: Instant,
    epoch: Epoch,
}

/// A channel that is indexed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Indexed {
    /// When it was.
    pub(crate) at: Instant,
    /// Under which epoch it was, if that was remembered rather than written.
    pub(crate) epoch: Option<Epoch>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self((0..PARTITIONS).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn recall(&self, channel: &Bytes) -> Option<Indexed> {
        let remembered = self.partition(channel).lock();
        let remembered = remembered.get(channel)?;
        (remembered.at.elapsed() < REMEMBERED).then_some(Indexed {
            at: remembered.at,
            epoch: Some(remembered.epoch),
        })
    }

    pub(crate) fn keep(&self, channel: Bytes, at: Instant, epoch: Epoch) {
        let mut remembered = self.partition(&channel).lock();
        remembered.insert(channel, Remembered { at, epoch });
    }

    pub(crate) fn forget(&self, channel: &Bytes) {
        self.partition(channel).lock().remove(channel);
    }

    /// Whether this node has indexed something there of late.
    pub(super) fn has_part_in(&self, partition: u16) -> bool {
        let remembered = self.0.get(usize::from(partition));
        remembered.is_some_and(|remembered| !remembered.lock().is_empty())
    }

    /// Forgets what is too old to count.
    pub(super) fn forget_old(&self, partition: u16) {
        if let Some(remembered) = self.0.get(usize::from(partition)) {
            let mut remembered = remembered.lock();
            remembered.retain(|_, remembered| remembered.at.elapsed() < REMEMBERED);
        }
    }

    fn partition(&self, channel: &[u8]) -> &Mutex<HashMap<Bytes, Remembered>> {
        &self.0[usize::from(keys::partition_of(channel))]
    }
}
