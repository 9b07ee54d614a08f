//! Subscribers and publishers that are in: warm up, measure from silence to silence, account.

use std::time::Duration;

use anyhow::{Result, bail};

use super::traffic::seconds;
use crate::clock::pause;
use crate::generator::{Audience, Generator, Ledger, Load, Payload, Until};
use crate::proc::{CpuSpent, Process};
use crate::progress::Progress;
use crate::report::metric::{
    DELIVERIES, DELIVERIES_PER_SECOND, GENERATOR_CPU, LATENCY_MAX, LATENCY_P50, LATENCY_P99,
    PUBLICATIONS, PUBLISH_P50, PUBLISH_P99, REDIS_CPU, SERVER_CPU, SERVER_KERNEL, SERVER_USER,
};
use crate::report::{Figures, Measurement};
use crate::target::Server;

/// So many connect at once while a load is being set up: fewer than the shortest listen backlog.
const RAMP: usize = 100;
const RAMP_BUDGET: Duration = Duration::from_secs(120);
/// A server may answer an upgrade just before it enters the subscription in its table.
const SETTLE: Duration = Duration::from_millis(300);

/// A load that is set up, and may be measured more than once.
pub(crate) struct Stage<'s> {
    server: &'s Server,
    generator: Generator<'s>,
    payload: Payload,
}

/// How messages follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Publications that somebody still waits for, at most; for want of a rate.
    pub(crate) window: usize,
    pub(crate) rate: Option<f64>,
}

// === impl Pace ===

impl Pace {
    pub(crate) fn rate(per_second: f64) -> Self {
        Self {
            window: usize::MAX,
            rate: Some(per_second),
        }
    }
}

// === impl Stage ===

impl<'s> Stage<'s> {
    /// Opens every connection; a publisher may have so many requests `in_flight`.
    pub(crate) fn open(
        server: &'s Server,
        audience: Audience,
        payload: usize,
        in_flight: usize,
    ) -> Result<Self> {
        let payload = Payload::of_size(payload)?;
        let subscribers = audience.subscribers();
        if [subscribers, audience.publishers(), in_flight].contains(&0) {
            bail!("subscribers, publishers and what they may have in flight are at least 1");
        }
        let mut generator = Generator::new(server, audience)?;
        generator.subscribe(subscribers, RAMP, RAMP_BUDGET)?;
        generator.connect_publishers(in_flight)?;
        pause(SETTLE);
        Ok(Self {
            server,
            generator,
            payload,
        })
    }

    /// Publishes for so many seconds, unmeasured.
    pub(crate) fn warm_up(&mut self, pace: Pace, time: f64, progress: &Progress) -> Result<()> {
        self.publish(pace, seconds(time)?, progress)?;
        if self.generator.ledger().undelivered() > 0 {
            let troubles = self.generator.roster().troubles.join("; ");
            bail!("not everything arrived that was sent to warm up: {troubles}");
        }
        Ok(())
    }

    /// What one span of publishing gives. The faults are those since the beginning.
    pub(crate) fn measure(
        &mut self,
        pace: Pace,
        until: Until,
        progress: &Progress,
    ) -> Result<Measurement> {
        self.generator.reset_ledger();
        let (ours, redis) = (Process::this(), self.server.redis());
        let before = (self.server.cpu_times()?, ours.cpu_time()?);
        let redis_before = redis.map(|redis| redis.process().cpu_time()).transpose()?;
        let took = self.publish(pace, until, progress)?;
        let spent = Spent {
            server: self.server.cpu_since(&before.0)?,
            ours: ours.cpu_time()?.since(&before.1),
            redis: match (redis, redis_before) {
                (Some(redis), Some(before)) => Some(redis.process().cpu_time()?.since(&before)),
                _ => None,
            },
        };
        let (ledger, roster) = (self.generator.ledger(), self.generator.roster());
        Ok(Measurement {
            figures: figures(ledger, took, &spent),
            faults: ledger.faults(),
            refused: ledger.totals().refusals,
            disconnected: roster.ended,
            troubles: roster.troubles.clone(),
            ..Measurement::default()
        })
    }

    fn publish(&mut self, pace: Pace, until: Until, progress: &Progress) -> Result<Duration> {
        let mut load = Load {
            generator: &mut self.generator,
            payload: &mut self.payload,
            progress,
        };
        load.run(pace.window, pace.rate, until)
    }
}

/// Processor time within a span.
struct Spent {
    server: CpuSpent,
    ours: CpuSpent,
    redis: Option<CpuSpent>,
}

fn figures(ledger: &Ledger, took: Duration, spent: &Spent) -> Figures {
    let totals = ledger.totals();
    let deliveries = totals.deliveries as f64;
    let each = |seconds: f64| seconds * 1e6 / deliveries.max(1.0);
    let mut figures = vec![
        (&SERVER_CPU, each(spent.server.total())),
        (&SERVER_USER, each(spent.server.user)),
        (&SERVER_KERNEL, each(spent.server.kernel)),
    ];
    figures.extend(spent.redis.map(|redis| (&REDIS_CPU, each(redis.total()))));
    figures.extend([
        (&GENERATOR_CPU, each(spent.ours.total())),
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
    ]);
    Figures(figures)
}
