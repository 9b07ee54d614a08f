//! Many subscriptions of few connections: what they hold in a node's memory.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use crate::clock::pause;
use crate::generator::{Audience, Generator};
use crate::report::metric::{
    BYTES_EACH, CONNECTIONS, FRESH, SUBSCRIBED_AFTER, SUBSCRIPTIONS, TOGETHER,
};
use crate::report::{Bound, Figures, Measurement};
use crate::target::{Installation, Server};

const AT_ONCE: usize = 100;
const BUDGET: Duration = Duration::from_secs(300);
/// What `/proc` counts in.
const KIB: f64 = 1_024.0;
const MB: f64 = 1e6;

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct Subscriptions {
    #[arg(long, value_name = "COUNT", default_value_t = 8_000)]
    connections: usize,
    /// Subscriptions of each connection, made by frames of 100.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    channels_each: usize,
    /// Channels that the subscriptions are spread over.
    #[arg(long, value_name = "COUNT", default_value_t = 20_000)]
    channels: usize,
    /// Wait so long before each reading.
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    settle: f64,
    /// What connections and subscriptions together must not exceed.
    #[arg(long, value_name = "MEGABYTES", default_value_t = 80.0)]
    at_most: f64,
}

impl Subscriptions {
    pub(crate) fn run(&self, server: &Server) -> Result<Measurement> {
        if self.channels_each > self.channels || self.channels_each == 0 {
            bail!("--channels-each is at least 1 and at most --channels");
        }
        let settle = Duration::try_from_secs_f64(self.settle)?;
        let resident = || -> Result<f64> {
            pause(settle);
            Ok(server.node(0).process().memory()?.resident * KIB)
        };
        let audience = Audience::Nobody {
            connections: self.connections,
        };
        let mut generator = Generator::new(server, audience)?;
        let fresh = resident()?;
        generator.subscribe(self.connections, AT_ONCE, BUDGET)?;
        let connected = resident()?;
        let took = generator.subscribe_more(|connection| self.channels_of(connection), BUDGET)?;
        let subscribed = resident()?;
        let count = (self.connections * self.channels_each) as f64;
        Ok(Measurement {
            figures: Figures(vec![
                (&FRESH, fresh / MB),
                (&CONNECTIONS, (connected - fresh) / MB),
                (&SUBSCRIPTIONS, (subscribed - connected) / MB),
                (&TOGETHER, (subscribed - fresh) / MB),
                (&BYTES_EACH, (subscribed - connected) / count),
                (&SUBSCRIBED_AFTER, took.as_secs_f64()),
            ]),
            disconnected: generator.roster().ended,
            troubles: generator.roster().troubles.clone(),
            ..Measurement::default()
        })
    }

    /// A run of channels, which begins where the connection before it ended.
    fn channels_of(&self, connection: usize) -> Vec<String> {
        (0..self.channels_each)
            .map(|n| (connection * self.channels_each + n) % self.channels)
            .map(|channel| format!("bench-{channel}"))
            .collect()
    }

    pub(crate) fn bounds(&self) -> Vec<Bound> {
        vec![Bound::new(&TOGETHER, self.at_most)]
    }

    pub(crate) fn installation() -> Installation {
        Installation::OnRedis { nodes: 1 }
    }

    pub(crate) fn describe(&self) -> String {
        let Self {
            connections,
            channels_each,
            channels,
            settle,
            ..
        } = self;
        format!(
            "subscriptions: {connections} connections with {channels_each} each, over {channels} \
             channels, one node on Redis, {settle} s of silence"
        )
    }
}
