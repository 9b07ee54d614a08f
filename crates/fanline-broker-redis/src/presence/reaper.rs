//! Looking where nobody is left to: the indexes of the partitions, some at each call.
//!
//! Whoever touches a channel lets those leave whose lease has ended, and renewing touches it every few seconds.
//! So this is for channels that lost everybody at once, with their node, and for those that wait out a grace.
//! A look at nothing costs one command, a channel with members one more every 15 s by one of all nodes, which
//! claims it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fanline_broker::BrokerError;
use fanline_model::{Epoch, Random};
use futures_util::future::join_all;

use super::index::LeaseIndex;
use crate::cluster::{CallError, Cluster};
use crate::keys::{self, PARTITIONS};
use crate::library::presence_calls as calls;

/// How many partitions are looked at in turn by each call, and how many more because this node has a part in
/// them. Called twice a second, a node sees all 1,024 within 8 s.
const LOOKS: usize = 64;
/// The most channels of a partition that one call looks at.
const CHANNELS: usize = 64;
/// How long one call may take: whoever calls it has other things to do. What it leaves unsettled somebody looks
/// at again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whose turn it is.
pub(super) struct Reaper {
    cluster: Arc<Cluster>,
    random: Arc<dyn Random>,
    turn: AtomicUsize,
}

impl Reaper {
    /// Nodes begin at different places.
    pub(super) fn new(cluster: Arc<Cluster>, random: Arc<dyn Random>) -> Self {
        let begin = usize::try_from(random.u64() % u64::from(PARTITIONS)).unwrap_or_default();
        Self {
            cluster,
            random,
            turn: AtomicUsize::new(begin),
        }
    }

    /// Answers how many entries left.
    pub(super) async fn reap(&self, index: &LeaseIndex) -> Result<usize, BrokerError> {
        let looks = self.next_partitions(index).into_iter().map(|partition| {
            index.forget_old(partition);
            // Apart, so that a primary that does not answer holds up no other.
            tokio::time::timeout(PATIENCE, self.look_at(partition))
        });
        let mut left = 0;
        let mut missed = false;
        for look in join_all(looks).await {
            match look {
                Ok(Ok(some)) => left += some,
                Ok(Err(_)) | Err(_) => missed = true,
            }
        }
        // Another call, or another node, comes to what was missed; what did leave is not to be denied.
        if missed && left == 0 {
            return Err(BrokerError::Unavailable);
        }
        Ok(left)
    }

    /// Those in which this node has a part see their members leave at once; all others come in turn.
    fn next_partitions(&self, index: &LeaseIndex) -> BTreeSet<u16> {
        let begin = self.turn.fetch_add(LOOKS, Ordering::Relaxed);
        let from_here = (0..usize::from(PARTITIONS))
            .filter_map(|n| u16::try_from(begin.wrapping_add(n) % usize::from(PARTITIONS)).ok());
        let mut partitions: BTreeSet<_> = from_here
            .clone()
            .filter(|partition| index.has_part_in(*partition))
            .take(LOOKS)
            .collect();
        partitions.extend(from_here.take(LOOKS));
        partitions
    }

    async fn look_at(&self, partition: u16) -> Result<usize, CallError> {
        let index = keys::leases(partition);
        let due = self
            .cluster
            .call(calls::claim_due(index.clone(), CHANNELS))
            .await?;
        let Some(due) = known(calls::due(due))? else {
            return Ok(0);
        };
        let calls = due
            .channels
            .iter()
            .map(|channel| calls::reap(channel.clone(), Epoch::generate(&*self.random)));
        let answers = self.cluster.call_each(calls.collect()).await;
        let (mut left, mut looked_at) = (0, Vec::new());
        for (channel, answer) in due.channels.into_iter().zip(answers) {
            // Without an answer the claim stands, and runs out.
            if let Some(reaped) = answer.ok().and_then(calls::reaped) {
                left += reaped.left;
                looked_at.push((channel, reaped.again));
            }
        }
        self.settle(index, due.claim, looked_at).await;
        Ok(left)
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
