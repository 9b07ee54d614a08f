//! What both scenarios with messages share: warm up, measure from silence to silence, account.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;

use crate::clock::pause;
use crate::generator::{Audience, Generator, Ledger, Load, Payload, Until};
use crate::proc::{CpuSpent, Process};
use crate::progress::Progress;
use crate::report::metric::{
    DELIVERIES, DELIVERIES_PER_SECOND, GENERATOR_CPU, LATENCY_MAX, LATENCY_P50, LATENCY_P99,
    PUBLICATIONS, PUBLISH_P50, PUBLISH_P99, SERVER_CPU, SERVER_KERNEL, SERVER_USER,
};
use crate::report::{Figures, Measurement};
use crate::target::Server;

/// So many connect at once while a load is being set up: fewer than the shortest listen backlog.
const RAMP: usize = 100;
const RAMP_BUDGET: Duration = Duration::from_secs(120);
/// A server may answer an upgrade just before it enters the subscription in its table.
const SETTLE: Duration = Duration::from_millis(300);

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
        let mut payload = Payload::of_size(self.payload)?;
        let subscribers = audience.subscribers();
        if [subscribers, audience.publishers(), window, self.pipeline].contains(&0) {
            bail!("subscribers, publishers, window and pipeline are at least 1");
        }
        let mut generator = Generator::new(server, audience)?;
        generator.subscribe(subscribers, RAMP, RAMP_BUDGET)?;
        generator.connect_publishers(self.pipeline)?;
        pause(SETTLE);

        let mut load = Load {
            generator: &mut generator,
            payload: &mut payload,
            progress,
        };
        load.run(window, self.rate, seconds(self.warm_up)?)?;
        if load.generator.ledger().undelivered() > 0 {
            let troubles = load.generator.roster().troubles.join("; ");
            bail!("not everything arrived that was sent to warm up: {troubles}");
        }
        load.generator.reset_ledger();
        let (theirs, ours) = (server.process(), Process::this());
        let (theirs_before, ours_before) = (theirs.cpu_time()?, ours.cpu_time()?);
        let until = self
            .messages
            .map_or(seconds(self.duration)?, Until::Messages);
        let took = load.run(window, self.rate, until)?;
        let server_cpu = theirs.cpu_time()?.since(&theirs_before);
        let our_cpu = ours.cpu_time()?.since(&ours_before);

        let ledger = generator.ledger();
        Ok(Measurement {
            figures: figures(ledger, took, server_cpu, our_cpu),
            faults: ledger.faults(),
            refused: ledger.totals().refusals,
            disconnected: generator.roster().ended,
            troubles: generator.roster().troubles.clone(),
        })
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

fn seconds(seconds: f64) -> Result<Until> {
    Ok(Until::Elapsed(Duration::try_from_secs_f64(seconds)?))
}

fn figures(ledger: &Ledger, took: Duration, server: CpuSpent, ours: CpuSpent) -> Figures {
    let totals = ledger.totals();
    let deliveries = totals.deliveries as f64;
    let each = |seconds: f64| seconds * 1e6 / deliveries.max(1.0);
    Figures(vec![
        (&SERVER_CPU, each(server.total())),
        (&SERVER_USER, each(server.user)),
        (&SERVER_KERNEL, each(server.kernel)),
        (&GENERATOR_CPU, each(ours.total())),
        (&DELIVERIES, deliveries),
        (
            &DELIVERIES_PER_SECOND,
            deliveries / took.as_secs_f64().max(f64::EPSILON),
        ),
        (&PUBLICATIONS, totals.publications as f64),
        (&LATENCY_P50, ledger.latency().quantile_ms(0.5)),
        (&LATENCY_P99, ledger.latency().quantile_ms(0.99)),
        (&LATENCY_MAX, ledger.latency().max_ms()),
        (&PUBLISH_P50, ledger.acknowledgement().quantile_ms(0.5)),
        (&PUBLISH_P99, ledger.acknowledgement().quantile_ms(0.99)),
    ])
}
