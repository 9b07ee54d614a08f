//! Looking where nobody is left to: the indexes of the partitions, some at each round.
//!
//! A look at nothing costs one command. What is due is claimed first, so that of all nodes one visits it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fanline_broker::BrokerError;
use fanline_model::Random;
use futures_util::future::join_all;
use redis::Value;

use super::Memory;
use crate::cluster::{Call, CallError, Cluster};
use crate::keys::PARTITIONS;
use crate::library::index_calls as calls;

/// How many partitions are looked at in turn by each round, and how many more because this node has a part in
/// them. With two rounds a second, a node sees all 1,024 within 8 s.
const LOOKS: usize = 64;
/// The most channels of a partition that one round visits.
const CHANNELS: usize = 64;
/// How long one round may take: whoever calls it has other things to do. What it leaves unsettled somebody looks
/// at again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whose turn it is.
pub(crate) struct Patrol {
    cluster: Arc<Cluster>,
    turn: AtomicUsize,
    /// The key of a partition's index.
    index: fn(u16) -> Bytes,
}

/// What a visit told.
pub(crate) struct Visited {
    /// How much it found, as the purpose counts.
    pub(crate) found: usize,
    /// When to look again, as the index takes it.
    pub(crate) again: Bytes,
}

impl Patrol {
    /// Nodes begin at different places.
    pub(crate) fn new(cluster: Arc<Cluster>, random: &dyn Random, index: fn(u16) -> Bytes) -> Self {
        let begin = usize::try_from(random.u64() % u64::from(PARTITIONS)).unwrap_or_default();
        Self {
            cluster,
            turn: AtomicUsize::new(begin),
            index,
        }
    }

    /// Visits what is due in some partitions: with one call for each channel, whose answer tells. Answers how much
    /// all of them found.
    pub(crate) async fn round(
        &self,
        memory: &Memory,
        visit: impl Fn(Bytes) -> Call,
        tell: impl Fn(Value) -> Option<Visited>,
    ) -> Result<usize, BrokerError> {
        let looks = self.next_partitions(memory).into_iter().map(|partition| {
            memory.forget_old(partition);
            // Apart, so that a primary that does not answer holds up no other.
            tokio::time::timeout(PATIENCE, self.look_at(partition, &visit, &tell))
        });
        let mut found = 0;
        let mut missed = false;
        for look in join_all(looks).await {
            match look {
                Ok(Ok(some)) => found += some,
                Ok(Err(_)) | Err(_) => missed = true,
            }
        }
        // Another round, or another node, comes to what was missed; what was found is not to be denied.
        if missed && found == 0 {
            return Err(BrokerError::Unavailable);
        }
        Ok(found)
    }

    /// Those in which this node has a part are looked at by every round, as far as there is room; all others come
    /// in turn.
    fn next_partitions(&self, memory: &Memory) -> BTreeSet<u16> {
        let begin = self.turn.fetch_add(LOOKS, Ordering::Relaxed);
        let from_here = (0..usize::from(PARTITIONS))
            .filter_map(|n| u16::try_from(begin.wrapping_add(n) % usize::from(PARTITIONS)).ok());
        let mut partitions: BTreeSet<_> = from_here
            .clone()
            .filter(|partition| memory.has_part_in(*partition))
            .take(LOOKS)
            .collect();
        partitions.extend(from_here.take(LOOKS));
        partitions
    }

    async fn look_at(
        &self,
        partition: u16,
        visit: impl Fn(Bytes) -> Call,
        tell: impl Fn(Value) -> Option<Visited>,
    ) -> Result<usize, CallError> {
        let index = (self.index)(partition);
        let due = self
            .cluster
            .call(calls::claim_due(index.clone(), CHANNELS))
            .await?;
        let Some(due) = known(calls::due(due))? else {
            return Ok(0);
        };
        let visits = due.channels.iter().cloned().map(visit).collect();
        let answers = self.cluster.call_each(visits).await;
        let (mut found, mut looked_at) = (0, Vec::new());
        for (channel, answer) in due.channels.into_iter().zip(answers) {
            // Without an answer the claim stands, and runs out.
            if let Some(visited) = answer.ok().and_then(&tell) {
                found += visited.found;
                looked_at.push((channel, visited.again));
            }
        }
        self.settle(index, due.claim, looked_at).await;
        Ok(found)
    }

    async fn settle(&self, index: Bytes, claim: Bytes, looked_at: Vec<(Bytes, Bytes)>) {
        let call = calls::settle(index, claim, looked_at);
        if let Err(error) = self.cluster.call(call).await {
            tracing::debug!(%error, "what was looked at will be looked at again");
        }
    }
}

fn known<T>(answer: Option<T>) -> Result<T, CallError> {
    answer.ok_or_else(|| {
        tracing::error!("Redis answered in a form that this version does not know");
        CallError::Unknown
    })
}
