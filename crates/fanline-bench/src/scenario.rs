//! What is measured. Each scenario takes a running server and gives one [`Measurement`].

mod connect_storm;
mod fan_out;
mod idle;
mod own_channels;
mod resubscribe;
mod stage;
mod subscriptions;
mod traffic;
mod two_nodes;

use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;

use crate::progress::Progress;
use crate::report::{Bound, Measurement};
use crate::target::{Installation, Server};

/// The measurements there are.
#[derive(Clone, Debug, Subcommand, Serialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub(crate) enum Scenario {
    /// Many subscribers of one channel: what a delivery costs.
    ///
    /// A closed loop keeps a number of publications undelivered; with `--rate` an open loop
    /// publishes at that rate whatever the server does.
    FanOut(fan_out::FanOut),
    /// Many channels with one subscriber each: what a publish over HTTP and its delivery cost.
    OwnChannels(own_channels::OwnChannels),
    /// Subscribers that hear nothing: what a connection holds in memory.
    Idle(idle::Idle),
    /// Many connections at once: what a connect and a subscription cost, and how long all take.
    ConnectStorm(connect_storm::ConnectStorm),
    /// Two nodes on one Redis, channels with a few listeners on both: CPU of nodes and Redis, and latency.
    ///
    /// An open loop of single publishes over HTTP; latency is from when a message was due to each of
    /// its deliveries. This process, both nodes and Redis share the machine's cores: on a small one the
    /// figures are as much the load's as theirs.
    TwoNodes(two_nodes::TwoNodes),
    /// Many channels on each connection: what a subscription holds in memory, on one node on Redis.
    Subscriptions(subscriptions::Subscriptions),
    /// One node on Redis whose subscriber connections are cut: how long until all channels stand again.
    Resubscribe(resubscribe::Resubscribe),
}

impl Scenario {
    pub(crate) fn run(&self, server: &Server, progress: &Progress) -> Result<Measurement> {
        match self {
            Self::FanOut(scenario) => scenario.run(server, progress),
            Self::OwnChannels(scenario) => scenario.run(server, progress),
            Self::Idle(scenario) => scenario.run(server),
            Self::ConnectStorm(scenario) => scenario.run(server),
            Self::TwoNodes(scenario) => scenario.run(server, progress),
            Self::Subscriptions(scenario) => scenario.run(server),
            Self::Resubscribe(scenario) => scenario.run(server),
        }
    }

    /// What it is measured on.
    pub(crate) fn installation(&self) -> Installation {
        match self {
            Self::FanOut(_) | Self::OwnChannels(_) | Self::Idle(_) | Self::ConnectStorm(_) => {
                Installation::Embedded
            }
            Self::TwoNodes(_) => two_nodes::TwoNodes::installation(),
            Self::Subscriptions(_) => subscriptions::Subscriptions::installation(),
            Self::Resubscribe(_) => resubscribe::Resubscribe::installation(),
        }
    }

    /// What its figures must not exceed.
    pub(crate) fn bounds(&self) -> Vec<Bound> {
        match self {
            Self::FanOut(_) | Self::OwnChannels(_) | Self::Idle(_) | Self::ConnectStorm(_) => {
                Vec::new()
            }
            Self::TwoNodes(scenario) => scenario.bounds(),
            Self::Subscriptions(scenario) => scenario.bounds(),
            Self::Resubscribe(scenario) => scenario.bounds(),
        }
    }

    /// One line with everything that was asked for.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::FanOut(scenario) => scenario.describe(),
            Self::OwnChannels(scenario) => scenario.describe(),
            Self::Idle(scenario) => scenario.describe(),
            Self::ConnectStorm(scenario) => scenario.describe(),
            Self::TwoNodes(scenario) => scenario.describe(),
            Self::Subscriptions(scenario) => scenario.describe(),
            Self::Resubscribe(scenario) => scenario.describe(),
        }
    }

    #[cfg(test)]
    pub(crate) fn example() -> Self {
        Self::FanOut(fan_out::FanOut::example())
    }
}
