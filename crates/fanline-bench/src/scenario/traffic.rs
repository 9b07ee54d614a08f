//! What both scenarios with messages of one server share: how much is published, and how.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::stage::{Pace, Stage};
use crate::generator::{Audience, Until};
use crate::progress::Progress;
use crate::report::Measurement;
use crate::target::Server;

/// How much is published, and how.
#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct Traffic {
    /// Bytes of each message.
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    pub(crate) payload: usize,
    /// Publish this many messages a second (open loop) instead of keeping a window full.
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) rate: Option<f64>,
    /// Publish for so long.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    pub(crate) duration: f64,
    /// Publish so many messages instead.
    #[arg(long, value_name = "COUNT")]
    pub(crate) messages: Option<u64>,
    /// Requests that a publisher may have in flight.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub(crate) pipeline: usize,
    /// Publish for so long before, unmeasured.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    pub(crate) warm_up: f64,
}

impl Traffic {
    pub(crate) fn measure(
        &self,
        server: &Server,
        audience: Audience,
        window: usize,
        progress: &Progress,
    ) -> Result<Measurement> {
        let mut stage = Stage::open(server, audience, self.payload, self.pipeline)?;
        let pace = Pace {
            window,
            rate: self.rate,
        };
        stage.warm_up(pace, self.warm_up, progress)?;
        let until = self
            .messages
            .map_or(seconds(self.duration)?, Until::Messages);
        stage.measure(pace, until, progress)
    }

    pub(crate) fn describe(&self, window: usize) -> String {
        let pace = match self.rate {
            Some(rate) => format!("{rate} messages a second"),
            None => format!("a window of {window}"),
        };
        let length = match self.messages {
            Some(count) => format!("{count} messages"),
            None => format!("{} s", self.duration),
        };
        format!("{} B, {pace}, {length}", self.payload)
    }
}

/// So long.
pub(crate) fn seconds(seconds: f64) -> Result<Until> {
    Ok(Until::Elapsed(Duration::try_from_secs_f64(seconds)?))
}
