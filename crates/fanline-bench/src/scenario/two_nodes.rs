//! Two nodes on one Redis: many channels with a few listeners each, spread over both.

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use super::stage::{Pace, Stage};
use super::traffic::seconds;
use crate::generator::Audience;
use crate::progress::Progress;
use crate::report::metric::{DELIVERIES_PER_SECOND, LATENCY_P99, RATE};
use crate::report::{Bound, Measurement};
use crate::target::{Installation, Server};

/// A step of `--knee`, as a part of the rate.
const STEP: f64 = 0.25;
/// More steps than any machine holds.
const STEPS: u32 = 64;
/// Who delivers less than this part of what was asked for has fallen behind.
const KEEPS_UP: f64 = 0.97;

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct TwoNodes {
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    channels: usize,
    /// Subscribers of each channel, half of them on each node.
    #[arg(long, value_name = "COUNT", default_value_t = 9)]
    listeners: usize,
    /// Kept-alive HTTP connections, half of them to each node; a request is one message of one channel.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    publishers: usize,
    /// Requests that a publisher may have in flight.
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    pipeline: usize,
    /// Publish this many messages a second, whatever the nodes do.
    #[arg(long, value_name = "PER_SECOND", default_value_t = 5_000.0)]
    rate: f64,
    /// Begin at a quarter of the rate and add a quarter at each step, until the bound is missed or the nodes
    /// fall behind. The row is then the fastest step that held.
    #[arg(long)]
    knee: bool,
    /// What the 99th percentile of the latency must not exceed.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 46.0)]
    at_most: f64,
    /// Bytes of each message.
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    payload: usize,
    /// Publish for so long, at each step.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    duration: f64,
    /// Publish for so long before, unmeasured.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    warm_up: f64,
}

impl TwoNodes {
    pub(crate) fn run(&self, server: &Server, progress: &Progress) -> Result<Measurement> {
        if !self.rate.is_normal() || self.rate < 1.0 {
            bail!("--rate is at least 1");
        }
        let audience = Audience::OwnChannels {
            prefix: "bench".to_owned(),
            channels: self.channels,
            listeners: self.listeners,
            publishers: self.publishers,
        };
        let mut stage = Stage::open(server, audience, self.payload, self.pipeline)?;
        let first = if self.knee {
            self.rate * STEP
        } else {
            self.rate
        };
        stage.warm_up(Pace::rate(first), self.warm_up, progress)?;
        if self.knee {
            self.find_knee(&mut stage, progress)
        } else {
            self.step(&mut stage, self.rate, progress)
        }
    }

    /// Steps up until one does not hold.
    fn find_knee(&self, stage: &mut Stage<'_>, progress: &Progress) -> Result<Measurement> {
        let mut steps = Vec::new();
        let mut best: Option<Measurement> = None;
        for step in 1..=STEPS {
            let rate = self.rate * STEP * f64::from(step);
            let measured = self.step(stage, rate, progress)?;
            steps.push(measured.figures.clone());
            let holds = self.holds(&measured, rate);
            // Faults are counted from the beginning: the last step's are those of all.
            best = Some(match best {
                Some(best) if !holds => Measurement {
                    figures: best.figures,
                    ..measured
                },
                _ => measured,
            });
            if !holds {
                break;
            }
        }
        let best = best.unwrap_or_default();
        Ok(Measurement { steps, ..best })
    }

    fn step(&self, stage: &mut Stage<'_>, rate: f64, progress: &Progress) -> Result<Measurement> {
        let until = seconds(self.duration)?;
        let mut measured = stage.measure(Pace::rate(rate), until, progress)?;
        measured.figures.0.insert(0, (&RATE, rate));
        Ok(measured)
    }

    fn holds(&self, measured: &Measurement, rate: f64) -> bool {
        let asked = rate * self.listeners as f64;
        let delivered = measured.figures.get(&DELIVERIES_PER_SECOND);
        let keeps_up = delivered.is_some_and(|delivered| delivered >= asked * KEEPS_UP);
        keeps_up && self.bound().is_kept(&measured.figures) == Some(true)
    }

    fn bound(&self) -> Bound {
        Bound::new(&LATENCY_P99, self.at_most)
    }

    pub(crate) fn bounds(&self) -> Vec<Bound> {
        vec![self.bound()]
    }

    pub(crate) fn installation() -> Installation {
        Installation::OnRedis { nodes: 2 }
    }

    pub(crate) fn describe(&self) -> String {
        let Self {
            channels,
            listeners,
            publishers,
            pipeline,
            payload,
            rate,
            duration,
            ..
        } = self;
        let pace = if self.knee {
            format!("steps of {} publishes/s", rate * STEP)
        } else {
            format!("{rate} publishes/s")
        };
        format!(
            "two nodes on one Redis: {channels} channels with {listeners} listeners each, \
             {publishers} publishers with {pipeline} requests of one message in flight, {payload} B, \
             {pace}, {duration} s"
        )
    }
}
