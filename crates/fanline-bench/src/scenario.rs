//! What is measured. Each scenario takes a running server and gives one [`Measurement`].

mod connect_storm;
mod fan_out;
mod idle;
mod own_channels;
mod traffic;

use anyhow::Result;
use clap::Subcommand;
use serde::Serialize;

use crate::progress::Progress;
use crate::report::Measurement;
use crate::target::Server;

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
}

impl Scenario {
    pub(crate) fn run(&self, server: &Server, progress: &Progress) -> Result<Measurement> {
        match self {
            Self::FanOut(scenario) => scenario.run(server, progress),
            Self::OwnChannels(scenario) => scenario.run(server, progress),
            Self::Idle(scenario) => scenario.run(server),
            Self::ConnectStorm(scenario) => scenario.run(server),
        }
    }

    /// One line with everything that was asked for.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::FanOut(scenario) => scenario.describe(),
            Self::OwnChannels(scenario) => scenario.describe(),
            Self::Idle(scenario) => scenario.describe(),
            Self::ConnectStorm(scenario) => scenario.describe(),
        }
    }

    #[cfg(test)]
    pub(crate) fn example() -> Self {
        Self::FanOut(fan_out::FanOut::example())
    }
}
