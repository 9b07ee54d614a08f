//! Removing what is too old from channels that nobody touches.
//!
//! Every call on a channel trims what it meets, so this is for those that are met by no call: a channel that was
//! published to and left must not keep its payloads, its idempotency records and its last values for the life of
//! its position. Before a publish leaves something in a channel, its partition's [index](crate::index) names it;
//! a sweep visits what is due there with one call on the channel, which prolongs nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanline_broker::{Outcome, Publish};
use fanline_model::{Epoch, Random};
use tokio::time::{Instant, MissedTickBehavior};

use crate::cluster::{CallError, Cluster};
use crate::index::{Indexed, Memory, Patrol, REMEMBERED, Visited};
use crate::keys;
use crate::library::index_calls as calls;

/// How often a round of visits begins.
const PACE: Duration = Duration::from_millis(500);
/// Nobody looks at what was indexed since. So what is found empty then leaves the index, and no node remembers it as
/// indexed, even if the last publish before took its time.
const INDEX_KEPT: Duration = REMEMBERED.saturating_mul(2);

/// What this node has indexed, and where it sweeps next.
pub(crate) struct Sweeper {
    cluster: Arc<Cluster>,
    memory: Memory,
    patrol: Patrol,
}

impl Sweeper {
    pub(crate) fn new(cluster: Arc<Cluster>, random: &dyn Random) -> Self {
        Self {
            memory: Memory::new(),
            patrol: Patrol::new(Arc::clone(&cluster), random, keys::logs),
            cluster,
        }
    }

    /// Sees to it that a channel is indexed before a publish leaves something in it. `None`: it leaves nothing.
    pub(crate) async fn before(
        &self,
        publish: &Publish,
        channel: &Bytes,
    ) -> Result<Option<Indexed>, CallError> {
        if !leaves_something(publish) {
            return Ok(None);
        }
        if let Some(indexed) = self.memory.recall(channel) {
            return Ok(Some(indexed));
        }
        self.write(keeps_for(publish), channel).await.map(Some)
    }

    /// Remembers that a channel is indexed, once an answer showed its epoch. Where it is another one than was
    /// remembered, it is indexed again, for which nobody waits.
    pub(crate) fn after(
        self: &Arc<Self>,
        publish: &Publish,
        channel: Bytes,
        indexed: Indexed,
        outcomes: &[Outcome],
    ) {
        let Some(epoch) = epoch_of(outcomes) else {
            return;
        };
        match indexed.epoch {
            Some(known) if known == epoch => {}
            Some(_) => {
                let (sweeper, keeps) = (Arc::clone(self), keeps_for(publish));
                tokio::spawn(async move {
                    match sweeper.write(keeps, &channel).await {
                        Ok(again) => sweeper.memory.keep(channel, again.at, epoch),
                        // The next publish tries again.
                        Err(_) => sweeper.memory.forget(&channel),
                    }
                });
            }
            None => self.memory.keep(channel, indexed.at, epoch),
        }
    }

    /// Sweeps, until it is dropped.
    pub(crate) async fn run(&self) {
        let mut ticks = tokio::time::interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let tell = |value| {
            let again = calls::swept(value)?;
            Some(Visited { found: 1, again })
        };
        loop {
            ticks.tick().await;
            if let Err(error) = self.patrol.round(&self.memory, calls::sweep, tell).await {
                tracing::debug!(%error, "idle channels are swept later");
            }
        }
    }

    async fn write(&self, keeps: Duration, channel: &Bytes) -> Result<Indexed, CallError> {
        let index = keys::logs(keys::partition_of(channel));
        let call = calls::index_later(index, keeps.max(INDEX_KEPT), channel.clone());
        let at = Instant::now();
        self.cluster.call(call).await?;
        Ok(Indexed { at, epoch: None })
    }
}

/// How long what a publish leaves is kept.
fn keeps_for(publish: &Publish) -> Duration {
    let history = publish.retention.history;
    history.map_or(Duration::ZERO, |history| history.window)
}

/// Whether a publish may leave something that has to go before the channel's position does.
fn leaves_something(publish: &Publish) -> bool {
    let keeps_log = publish.retention.history.is_some();
    publish.retry
        || publish
            .drafts
            .iter()
            .any(|draft| (keeps_log && !draft.ephemeral) || !draft.id.is_server_made())
}

/// The epoch of what was appended; none where there is no log. What was published before tells nothing.
fn epoch_of(outcomes: &[Outcome]) -> Option<Epoch> {
    let appended = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Appended { position } => Some(position.map_or(Epoch::NONE, |place| place.epoch)),
        Outcome::Duplicate { .. } | Outcome::Unchanged { .. } => None,
    });
    appended.max()
}
