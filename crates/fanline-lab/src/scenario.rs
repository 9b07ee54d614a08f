//! The scenarios: one fault each, by name.
//!
//! A scenario says what it needs and does its harm; it judges nothing. Traffic runs while it acts. It must end what
//! it began (a cut, a freeze), or say by its nature that it lasts (a killed server stays dead unless it is
//! restarted); after it the run waits until all is quiet again, and a scenario that makes that impossible fails.
//!
//! A new one is a file beside these and a line in [`all`].

mod cut_node;
mod cut_primary;
mod cut_replica;
mod drop_messages;
mod fill_memory;
mod freeze_node;
mod freeze_primary;
mod keys;
mod kill_node;
mod kill_node_with_many;
mod kill_primary;
mod lose_data;
mod lost_right;
mod move_slot;
mod planned_failover;
mod quiet;
mod race_fresh;
mod race_subscribe;
mod resume_behind;
mod resume_twice;
mod shorten_log;
mod silence_redis;
mod single;
mod stop_cluster;
mod trimmed_under_resume;
mod turn_clock;
mod turn_node_clock;
mod two_libraries;
mod wired;

use anyhow::Result;
use async_trait::async_trait;

use crate::log::{Expectation, Limit};
use crate::stage::{Ground, Stage};
use crate::workload::Plan;

/// One fault.
#[async_trait]
pub trait Scenario: Send + Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// What it does and what must come of it, in a sentence.
    fn about(&self) -> &'static str;

    /// What works on the installation meanwhile.
    fn plan(&self) -> Plan {
        Plan::default()
    }

    /// What stands between the servers and Redis.
    async fn ground(&self) -> Result<Ground> {
        Ground::on_loopback().await
    }

    /// Times that it bounds.
    fn limits(&self) -> Vec<Limit> {
        Vec::new()
    }

    /// What a run of it must show, or it tested something else.
    fn expectations(&self) -> Vec<Expectation> {
        Vec::new()
    }

    /// Whether every second server is another version of the program.
    fn needs_two_programs(&self) -> bool {
        false
    }

    /// Why it cannot run on this machine, if it cannot.
    fn obstacle(&self) -> Option<String> {
        None
    }

    /// Does its harm, while traffic runs, and returns when it is done with it.
    async fn act(&self, stage: &Stage) -> Result<()>;
}

/// Every scenario, in the order in which `--all` runs them.
#[must_use]
pub fn all() -> Vec<&'static dyn Scenario> {
    vec![
        &quiet::Quiet,
        &kill_primary::KillPrimary,
        &kill_primary::KillPrimaryThenQuiet,
        &planned_failover::PlannedFailover,
        &freeze_primary::FreezePrimary,
        &kill_node::KillNode,
        &kill_node_with_many::KillNodeWithMany,
        &freeze_node::FreezeNode,
        &freeze_node::OverflowNode,
        &cut_node::CutNode,
        &cut_primary::CutPrimary,
        &cut_primary::CutPrimaryWithNode,
        &cut_primary::FailOverAndBack,
        &cut_replica::CutReplica,
        &move_slot::MoveSlot,
        &move_slot::HalfMovedSlot,
        &stop_cluster::StopCluster,
        &stop_cluster::EmptyCluster,
        &lose_data::FlushShard,
        &lose_data::LoseMetadata,
        &fill_memory::FillMemory,
        &drop_messages::DropMessages,
        &silence_redis::SilenceRedis,
        &silence_redis::ReplacePrimary,
        &shorten_log::ShortenLog,
        &turn_clock::TurnClock,
        &turn_node_clock::TurnNodeClock,
        &two_libraries::TwoLibraries,
        &resume_twice::ResumeTwice,
        &resume_behind::ResumeBehind,
        &trimmed_under_resume::TrimmedUnderResume,
        &lost_right::LostRight,
        &race_subscribe::RaceSubscribe,
        &race_fresh::RaceFresh,
    ]
}

/// The scenario of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Scenario> {
    all().into_iter().find(|scenario| scenario.name() == name)
}
