//! Where a run plays: the ground, the servers on it, and who works on them.
//!
//! A scenario is given a [`Stage`] and does its harm through it. It holds no judgement: it starts, breaks, restarts
//! and writes into the timeline.

mod ground;
mod node;
mod nodes;
mod tenant;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use fanline_testkit::redis::{Node as RedisNode, RedisCluster};

pub use ground::{Ground, Spot};
pub use node::Node;
pub use nodes::{Nodes, Program};
pub(crate) use tenant::SHORT_LOG;
pub use tenant::Tenant;

use crate::dice::Dice;
use crate::log::{Event, Recorder, Topic};
use crate::workload::Workload;

/// A slot of each shard, as the cluster is formed.
const SLOTS: [u16; 3] = [0, 8_000, 16_000];

/// Everything that a scenario can lay its hands on.
#[derive(Debug)]
pub struct Stage {
    pub(crate) ground: Ground,
    pub(crate) nodes: Nodes,
    pub(crate) workload: Workload,
    pub(crate) timeline: Recorder,
    pub(crate) dice: Dice,
    pub(crate) stretch: Duration,
}

/// A fault that is going on. It ends when told to, or with this value.
#[derive(Debug)]
#[must_use = "a fault ends with this value"]
pub struct Fault<'a> {
    timeline: &'a Recorder,
    what: String,
}

// === impl Stage ===

impl Stage {
    /// What is between the servers and Redis, and around them.
    #[must_use]
    pub fn ground(&self) -> &Ground {
        &self.ground
    }

    /// The Redis Cluster: six servers to be killed, frozen, restarted, failed over.
    #[must_use]
    pub fn cluster(&self) -> &RedisCluster {
        self.ground.cluster()
    }

    /// The Fanline servers.
    #[must_use]
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Publishers, subscribers, members.
    #[must_use]
    pub fn workload(&self) -> &Workload {
        &self.workload
    }

    /// The scenario's own dice: what is hit, and when.
    #[must_use]
    pub fn dice(&self) -> &Dice {
        &self.dice
    }

    /// A tenant's channels: those that it began with, and those that a scenario made somebody listen to.
    pub(crate) fn topics(&self, tenant: &Tenant) -> BTreeSet<Topic> {
        let mut topics = self.workload.board().topics(&tenant.name);
        topics.extend(tenant.topics.iter().cloned());
        topics
    }

    /// The tenant with all servers but one.
    pub fn first_tenant(&self) -> Result<&Arc<Tenant>> {
        let tenants = self.nodes.tenants();
        tenants.first().context("there are tenants")
    }

    /// Lets traffic run for a stretch: a third of the run's `--duration`.
    pub async fn traffic(&self) {
        self.wait(self.stretch).await;
    }

    /// Lets time pass, where the time itself is what the scenario is about.
    pub async fn wait(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// A primary, by the seed.
    pub async fn some_primary(&self) -> Result<RedisNode> {
        let slot = self.dice.pick(&SLOTS).context("there are shards")?;
        self.cluster().primary_of(*slot).await
    }

    /// One slot of each shard.
    #[must_use]
    pub fn a_slot_of_each_shard(&self) -> [u16; 3] {
        SLOTS
    }

    /// Writes into the timeline that a fault begins now.
    pub fn fault(&self, what: impl Into<String>) -> Fault<'_> {
        let what = what.into();
        self.timeline
            .record(Event::FaultBegins { what: what.clone() });
        Fault {
            timeline: &self.timeline,
            what,
        }
    }

    /// Writes a line into the timeline.
    pub fn note(&self, text: impl Into<String>) {
        self.timeline.record(Event::Note { text: text.into() });
    }
}

// === impl Fault ===

impl Fault<'_> {
    /// It is over.
    pub fn ends(self) {
        drop(self);
    }
}

impl Drop for Fault<'_> {
    fn drop(&mut self) {
        let what = std::mem::take(&mut self.what);
        self.timeline.record(Event::FaultEnds { what });
    }
}
