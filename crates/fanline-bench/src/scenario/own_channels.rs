//! Many channels with one subscriber each: the publish counts as much as the delivery.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::traffic::Traffic;
use crate::generator::Audience;
use crate::progress::Progress;
use crate::report::Measurement;
use crate::target::Server;

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct OwnChannels {
    #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
    channels: usize,
    /// Kept-alive HTTP connections with one request at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    publishers: usize,
    /// Publications that somebody still waits for, at most.
    #[arg(long, value_name = "COUNT", default_value_t = 256)]
    window: usize,
    /// What the channels' names begin with.
    #[arg(long, value_name = "PREFIX", default_value = "bench")]
    channel: String,
    #[command(flatten)]
    #[serde(flatten)]
    traffic: Traffic,
}

impl OwnChannels {
    pub(crate) fn run(&self, server: &Server, progress: &Progress) -> Result<Measurement> {
        let audience = Audience::OwnChannels {
            prefix: self.channel.clone(),
            channels: self.channels,
            listeners: 1,
            publishers: self.publishers,
        };
        self.traffic
            .measure(server, audience, self.window, progress)
    }

    pub(crate) fn describe(&self) -> String {
        let Self {
            channels,
            publishers,
            ..
        } = self;
        let traffic = self.traffic.describe(self.window);
        format!(
            "own channels: {channels} with one subscriber each, {publishers} publishers, {traffic}"
        )
    }
}
