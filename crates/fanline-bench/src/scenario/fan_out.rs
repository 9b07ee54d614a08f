//! Many subscribers of one channel.

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::traffic::Traffic;
use crate::generator::Audience;
use crate::progress::Progress;
use crate::report::Measurement;
use crate::target::Server;

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct FanOut {
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    subscribers: usize,
    /// Kept-alive HTTP connections with one request at a time.
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    publishers: usize,
    /// Publications that somebody still waits for, at most; 8 up to 1,000 subscribers, else 4.
    #[arg(long, value_name = "COUNT")]
    window: Option<usize>,
    #[arg(long, value_name = "NAME", default_value = "bench")]
    channel: String,
    #[command(flatten)]
    #[serde(flatten)]
    traffic: Traffic,
}

impl FanOut {
    pub(crate) fn run(&self, server: &Server, progress: &Progress) -> Result<Measurement> {
        let audience = Audience::Everyone {
            channel: self.channel.clone(),
            subscribers: self.subscribers,
            publishers: self.publishers,
        };
        self.traffic
            .measure(server, audience, self.window(), progress)
    }

    pub(crate) fn describe(&self) -> String {
        let Self {
            subscribers,
            publishers,
            ..
        } = self;
        let traffic = self.traffic.describe(self.window());
        format!(
            "fan-out: {subscribers} subscribers of one channel, {publishers} publishers, {traffic}"
        )
    }

    /// As large as keeps both sides busy without a queue that only adds latency.
    fn window(&self) -> usize {
        self.window
            .unwrap_or(if self.subscribers <= 1_000 { 8 } else { 4 })
    }

    #[cfg(test)]
    pub(crate) fn example() -> Self {
        Self {
            subscribers: 1_000,
            publishers: 2,
            window: None,
            channel: "bench".to_owned(),
            traffic: Traffic {
                payload: 128,
                rate: None,
                pipeline: 1,
                duration: 5.0,
                messages: None,
                warm_up: 1.0,
            },
        }
    }
}
