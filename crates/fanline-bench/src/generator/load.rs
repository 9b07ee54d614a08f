//! Publishing at a pace until enough was sent, then until everyone has heard it.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{Generator, Pacing, Payload};
use crate::progress::Progress;

/// At most so long between two looks at the clock.
const TURN: Duration = Duration::from_millis(100);
/// Silence after which what is missing will not come.
const PATIENCE: Duration = Duration::from_secs(5);

/// When publishing ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    Elapsed(Duration),
    Messages(u64),
}

/// One span of publishing; begins and ends with nothing in flight, so that what the server spent
/// in between belongs to exactly these deliveries.
pub(crate) struct Load<'a, 's> {
    pub(crate) generator: &'a mut Generator<'s>,
    pub(crate) payload: &'a mut Payload,
    pub(crate) progress: &'a Progress,
}

impl Load<'_, '_> {
    /// Publishes at a rate, or else with a window; says how long it took, the last delivery
    /// included.
    pub(crate) fn run(
        &mut self,
        window: usize,
        rate: Option<f64>,
        until: Until,
    ) -> Result<Duration> {
        let start = self.generator.clock.elapsed();
        let mut pacing = match rate {
            Some(per_second) => Pacing::rate(per_second, self.generator.clock.nanos()),
            None => Pacing::Window(window),
        };
        let mut patience = Patience::new(self.generator);
        let mut sent = 0;
        while !self.is_over(until, start, sent) {
            let now = self.generator.clock.nanos();
            while !self.is_over(until, start, sent)
                && let Some(stamp) = pacing.due(now, self.generator.ledger.undelivered())
                && self.generator.publish(self.payload, stamp)
            {
                pacing.sent();
                sent += 1;
            }
            self.generator.flush_publishers()?;
            self.generator
                .turn(pacing.wait(self.generator.clock.nanos(), TURN))?;
            self.tell();
            patience.check(self.generator)?;
        }
        self.drain(&mut patience)?;
        Ok(self.generator.clock.elapsed() - start)
    }

    fn is_over(&self, until: Until, start: Duration, sent: u64) -> bool {
        match until {
            Until::Elapsed(time) => self.generator.clock.elapsed() - start >= time,
            Until::Messages(count) => sent >= count,
        }
    }

    fn drain(&mut self, patience: &mut Patience) -> Result<()> {
        while self.generator.ledger.undelivered() > 0 || self.generator.unanswered() > 0 {
            self.generator.turn(TURN)?;
            if !patience.lasts(self.generator) {
                break;
            }
        }
        Ok(())
    }

    fn tell(&self) {
        let totals = self.generator.ledger.totals();
        self.progress
            .say_seldom(|| format!("{} deliveries", totals.deliveries));
    }
}

/// Notices that nothing moves any more.
struct Patience {
    seen: (u64, usize),
    since: Duration,
}

impl Patience {
    fn new(generator: &Generator<'_>) -> Self {
        Self {
            seen: Self::look(generator),
            since: generator.clock.elapsed(),
        }
    }

    fn lasts(&mut self, generator: &Generator<'_>) -> bool {
        let (seen, now) = (Self::look(generator), generator.clock.elapsed());
        if seen != self.seen || generator.ledger.undelivered() == 0 {
            (self.seen, self.since) = (seen, now);
        }
        now - self.since < PATIENCE
    }

    fn check(&mut self, generator: &Generator<'_>) -> Result<()> {
        if !self.lasts(generator) {
            bail!(
                "nothing arrived for {PATIENCE:?} while {} publications were not delivered \
                 everywhere; {} connections ended; {}",
                generator.ledger.undelivered(),
                generator.roster.ended,
                generator.roster.troubles.join("; ")
            );
        }
        Ok(())
    }

    fn look(generator: &Generator<'_>) -> (u64, usize) {
        (generator.ledger.totals().deliveries, generator.roster.ended)
    }
}
