//! The books of a run: what was published, what arrived, when, and what went wrong.

use std::collections::HashSet;

use anyhow::Result;

use super::undelivered::Undelivered;
use super::verifier::{Faults, Verifier};
use super::{Audience, Stamp};
use crate::statistics::Latencies;

/// Numbers publications and accounts for their deliveries.
#[derive(Debug)]
pub(crate) struct Ledger {
    audience: Audience,
    /// The next number of each stream.
    numbers: Vec<u32>,
    /// How many messages each publisher has sent.
    turns: Vec<usize>,
    undelivered: Undelivered,
    verifier: Verifier,
    /// What the server refused: nobody is to hear it.
    refused: HashSet<(u32, u32)>,
    totals: Totals,
    /// From the stamp to the subscriber.
    latency: Latencies,
    /// From the request to its answer.
    acknowledgement: Latencies,
}

/// What happened since the last reset.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) publications: u64,
    pub(crate) deliveries: u64,
    pub(crate) refusals: u64,
}

impl Ledger {
    pub(crate) fn new(audience: Audience) -> Result<Self> {
        Ok(Self {
            numbers: vec![0; audience.streams()],
            turns: vec![0; audience.publishers()],
            undelivered: Undelivered::new(audience.streams(), audience.listeners()),
            verifier: Verifier::new(audience.clone()),
            refused: HashSet::new(),
            totals: Totals::default(),
            latency: Latencies::new()?,
            acknowledgement: Latencies::new()?,
            audience,
        })
    }

    /// Forgets counts and times, but no number: what is lost across a reset is still found.
    pub(crate) fn reset(&mut self) {
        self.totals = Totals::default();
        self.latency.reset();
        self.acknowledgement.reset();
    }

    /// Opens a publisher's next publication.
    pub(crate) fn publish(&mut self, publisher: usize, sent: u64) -> Stamp {
        let stream = self.audience.stream(publisher, self.turns[publisher]);
        self.turns[publisher] += 1;
        let number = self.numbers[stream];
        self.numbers[stream] += 1;
        self.undelivered.published(stream);
        self.totals.publications += 1;
        Stamp {
            stream: u32::try_from(stream).unwrap_or(u32::MAX),
            number,
            sent,
        }
    }

    /// The server said yes.
    pub(crate) fn acknowledged(&mut self, nanos: u64) {
        self.acknowledgement.record(nanos);
    }

    /// The server said no, so that it is no loss. Others of its stream may be on their way.
    pub(crate) fn refused(&mut self, stamp: Stamp) {
        self.refused.insert((stamp.stream, stamp.number));
        self.undelivered.withdrawn(stamp);
        self.totals.publications -= 1;
        self.totals.refusals += 1;
    }

    pub(crate) fn delivered(&mut self, subscriber: usize, stamp: Stamp, now: u64) {
        self.totals.deliveries += 1;
        if self.verifier.delivered(subscriber, stamp) {
            self.undelivered.delivered(stamp);
            self.latency.record(now.saturating_sub(stamp.sent));
        }
    }

    pub(crate) fn undelivered(&self) -> usize {
        self.undelivered.open()
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    pub(crate) fn latency(&self) -> &Latencies {
        &self.latency
    }

    pub(crate) fn acknowledgement(&self) -> &Latencies {
        &self.acknowledgement
    }

    /// The verdict on everything since the start, once nothing more will come.
    pub(crate) fn faults(&self) -> Faults {
        self.verifier.faults(&self.numbers, &self.refused)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn ledger() -> Ledger {
        let channel = "c".to_owned();
        Ledger::new(Audience::Everyone {
            channel,
            subscribers: 2,
            publishers: 1,
        })
        .unwrap()
    }

    #[test]
    fn a_publication_everyone_heard_is_closed() {
        let mut ledger = ledger();
        let stamp = ledger.publish(0, 10);
        ledger.delivered(0, stamp, 2_000_010);
        assert_eq!(ledger.undelivered(), 1);
        ledger.delivered(1, stamp, 2_000_010);
        assert_eq!(ledger.undelivered(), 0);
        assert_eq!(ledger.latency().max_ms(), 2.0);
        assert_eq!(ledger.faults(), Faults::default());
    }

    #[test]
    fn a_refused_publication_is_no_loss() {
        let mut ledger = ledger();
        let refused = ledger.publish(0, 0);
        ledger.refused(refused);
        let accepted = ledger.publish(0, 5);
        ledger.delivered(0, accepted, 9);
        ledger.delivered(1, accepted, 9);
        let refused = ledger.publish(0, 6);
        ledger.refused(refused);
        assert_eq!(ledger.undelivered(), 0);
        assert_eq!(ledger.faults(), Faults::default());
        assert_eq!(
            (ledger.totals().publications, ledger.totals().refusals),
            (1, 2)
        );
    }

    #[test]
    fn a_duplicate_does_not_stand_for_another_listener() {
        let mut ledger = ledger();
        let stamp = ledger.publish(0, 0);
        ledger.delivered(0, stamp, 1);
        ledger.delivered(0, stamp, 1);
        assert_eq!(ledger.undelivered(), 1);
    }

    #[test]
    fn a_loss_before_a_reset_is_still_found() {
        let mut ledger = ledger();
        ledger.publish(0, 0);
        ledger.reset();
        assert_eq!(ledger.totals().publications, 0);
        assert_eq!(ledger.faults().lost, 2);
    }
}
