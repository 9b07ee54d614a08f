//! Which channels have presence, so that somebody looks where nobody is left to.
//!
//! A channel is indexed *before* anybody enters it. The library keeps an index entry for twice as long as it is
//! remembered after the channel became empty.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanline_model::Epoch;
use tokio::time::Instant;

use crate::cluster::{CallError, Cluster};
use crate::index::{Indexed, Memory};
use crate::keys;
use crate::library::index_calls as calls;

/// Every indexed channel is looked at that often (as `presence.lua` says): a lease as long as this needs no
/// index entry of its own.
const LOOK_WITHIN: Duration = Duration::from_secs(15);
/// Nothing is found in a channel whose first entry is still on its way, and what is empty leaves the index: so
/// nobody looks before.
const ENTER_WITHIN: Duration = Duration::from_secs(5);

/// What this node has indexed.
pub(super) struct LeaseIndex {
    cluster: Arc<Cluster>,
    memory: Memory,
}

impl LeaseIndex {
    pub(super) fn new(cluster: Arc<Cluster>) -> Self {
        Self {
            cluster,
            memory: Memory::new(),
        }
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Sees to it that a channel is indexed before it is entered.
    pub(super) async fn before_entering(
        &self,
        channel: &Bytes,
        lease: Duration,
    ) -> Result<Indexed, CallError> {
        if let Some(indexed) = self.recall(channel, lease) {
            return Ok(indexed);
        }
        let within = lease.clamp(ENTER_WITHIN, LOOK_WITHIN);
        let at = Instant::now();
        let written = self.write(vec![channel.clone()], within).await;
        written.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Indexed { at, epoch: None })
    }

    /// Sees to it that channels are indexed whose leases are renewed, or shortened. What cannot be indexed now
    /// will be with the next renewal.
    pub(super) async fn before_renewing(
        &self,
        channels: impl Iterator<Item = &Bytes>,
        lease: Duration,
    ) -> HashMap<Bytes, Indexed> {
        let mut indexed = HashMap::new();
        let mut unknown = Vec::new();
        for channel in channels {
            match self.recall(channel, lease) {
                Some(remembered) => {
                    indexed.insert(channel.clone(), remembered);
                }
                None => unknown.push(channel.clone()),
            }
        }
        let at = Instant::now();
        let written = self.write(unknown, lease.min(LOOK_WITHIN)).await;
        for channel in written.into_iter().flatten().flatten() {
            indexed.insert(channel, Indexed { at, epoch: None });
        }
        indexed
    }

    /// Remembers channels of which an answer showed the epoch, with somebody there. Where it is another one than
    /// was remembered, they are indexed again.
    pub(super) async fn remember(&self, channels: Vec<(Bytes, Indexed, Epoch)>) {
        let mut lost = HashMap::new();
        for (channel, indexed, epoch) in channels {
            if indexed.epoch.is_none_or(|known| known == epoch) {
                self.memory.keep(channel, indexed.at, epoch);
            } else {
                lost.insert(channel, epoch);
            }
        }
        let at = Instant::now();
        let written = self.write(lost.keys().cloned().collect(), Duration::ZERO);
        for channel in written.await.into_iter().flatten().flatten() {
            if let Some(epoch) = lost.remove(&channel) {
                self.memory.keep(channel, at, epoch);
            }
        }
        for channel in lost.keys() {
            self.memory.forget(channel);
        }
    }

    /// A shorter lease than every channel is looked at anyway needs an index entry of its own.
    fn recall(&self, channel: &Bytes, lease: Duration) -> Option<Indexed> {
        let is_looked_at_in_time = lease >= LOOK_WITHIN;
        is_looked_at_in_time
            .then(|| self.memory.recall(channel))
            .flatten()
    }

    /// Indexes channels, each partition's in one call: answers those of each, or why they are not.
    async fn write(
        &self,
        channels: Vec<Bytes>,
        within: Duration,
    ) -> Vec<Result<Vec<Bytes>, CallError>> {
        let mut by_partition: HashMap<u16, Vec<Bytes>> = HashMap::new();
        for channel in channels {
            let partition = keys::partition_of(&channel);
            by_partition.entry(partition).or_default().push(channel);
        }
        let call = |(partition, channels): (&u16, &Vec<Bytes>)| {
            calls::index(keys::leases(*partition), within, channels.clone())
        };
        let calls = by_partition.iter().map(call).collect();
        let answers = self.cluster.call_each(calls).await;
        by_partition
            .into_values()
            .zip(answers)
            .map(|(channels, answer)| answer.map(|_| channels))
            .collect()
    }
}
