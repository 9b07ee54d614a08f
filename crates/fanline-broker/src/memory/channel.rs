//! One channel: its numbering, what it keeps, and how long it is remembered.

use std::sync::Arc;
use std::time::Duration;

use fanline_model::{Epoch, Fork, Lineage, Message, Position, Random, Retention, Timestamp};

use super::budget::Charge;
use super::log::Log;
use super::records::Records;
use super::values::{Values, key_of};
use crate::broker::{ChannelId, Head};

/// Everything the broker holds of one channel.
pub(super) struct Channel {
    pub(super) id: ChannelId,
    pub(super) numbering: Numbering,
    pub(super) retention: Retention,
    pub(super) log: Log,
    pub(super) values: Values,
    pub(super) records: Records,
    /// The last version that a publish named, and the seq it led to.
    pub(super) version: Option<(u64, u64)>,
    /// Whether this node's feed hears the channel.
    pub(super) followed: bool,
    /// When its position was last used; what it outlives is counted from here.
    pub(super) touched: Timestamp,
    /// The second of the entry in the agenda that counts.
    pub(super) due: Option<u64>,
    /// How many logged messages are still to be kept from the feed, for tests.
    pub(super) lose: usize,
    /// What the app is charged for all this.
    pub(super) charge: Charge,
}

/// Where the channel stands. There is an epoch only while a log is kept.
pub(super) struct Numbering {
    pub(super) epoch: Option<Epoch>,
    pub(super) seq: u64,
    pub(super) lineage: Lineage,
}

impl Channel {
    pub(super) fn new(
        id: ChannelId,
        retention: Retention,
        now: Timestamp,
        random: &dyn Random,
        charge: Charge,
    ) -> Self {
        Self {
            id,
            numbering: Numbering {
                epoch: retention.history.map(|_| Epoch::generate(random)),
                seq: 0,
                lineage: Lineage::default(),
            },
            retention,
            log: Log::default(),
            values: Values::default(),
            records: Records::default(),
            version: None,
            followed: false,
            touched: now,
            due: None,
            lose: 0,
            charge,
        }
    }

    /// Where the channel stands, if it keeps a log.
    pub(super) fn head(&self) -> Option<Head> {
        Some(Head {
            position: self.numbering.position()?,
            lineage: self.numbering.lineage.clone(),
            evicted_through: self.log.evicted_through(),
        })
    }

    /// Takes over the rule as the caller knows it.
    pub(super) fn apply(&mut self, retention: &Retention, random: &dyn Random) {
        if self.retention == *retention {
            return;
        }
        match (retention.history, self.numbering.epoch) {
            // What was published without a number cannot be replayed: nobody may resume across it.
            (Some(_), None) => self.begin(self.numbering.seq, random),
            (None, Some(_)) => {
                self.numbering.epoch = None;
                self.numbering.lineage = Lineage::default();
                self.log = Log::after_gap(self.numbering.seq);
            }
            _ => {}
        }
        let kept_values = self.retention.state.is_some();
        self.retention = *retention;
        match retention.state {
            Some(_) if !kept_values => self.fill_values(),
            Some(_) if retention.history.is_some() => {}
            _ => self.values = Values::default(),
        }
    }

    /// Takes last values from the log, where it knows newer ones.
    pub(super) fn fill_values(&mut self) {
        let Some(rule) = self.retention.state else {
            return;
        };
        for message in self.log.iter() {
            let seq = |message: &Arc<Message>| message.position.map(|position| position.seq);
            if self.values.get(key_of(&message.draft)).and_then(seq) < seq(message) {
                self.values
                    .put(Arc::clone(message), message.timestamp.plus(rule.ttl));
            }
        }
    }

    /// Forgets everything but who follows, and begins anew.
    pub(super) fn restart(&mut self, now: Timestamp, random: &dyn Random) {
        if self.retention.history.is_some() {
            self.begin(0, random);
        }
        self.records = Records::default();
        self.version = None;
        self.touched = now;
    }

    /// Begins a numbering that continues no other, after `seq`.
    pub(super) fn begin(&mut self, seq: u64, random: &dyn Random) {
        self.numbering = Numbering {
            epoch: Some(Epoch::generate(random)),
            seq,
            lineage: Lineage::default(),
        };
        self.log = Log::after_gap(seq);
        self.values = Values::default();
    }

    /// Notes that the position was used. Before the first logged message only followers prolong it
    /// (TENANCY 22).
    pub(super) fn touch(&mut self, now: Timestamp) {
        if !self.numbering.is_virgin() {
            self.touched = now;
        }
    }

    /// Forgets what outlived its time.
    pub(super) fn expire(&mut self, now: Timestamp) {
        if let Some(history) = &self.retention.history {
            self.log.trim(history, now);
        }
        self.records.expire(now);
        self.values.expire(now);
    }

    /// Whether nothing is left to remember.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        !self.followed
            && self.records.is_empty()
            && self.values.is_empty()
            && self.touched.plus(self.lifetime()) <= now
    }

    /// When something of the channel is due to be forgotten.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let window = self
            .retention
            .history
            .map_or(Duration::ZERO, |history| history.window);
        let log = self
            .log
            .oldest()
            .map(|oldest| oldest.timestamp.plus(window));
        let end = (!self.followed).then(|| self.touched.plus(self.lifetime()));
        [log, self.records.due(), self.values.due(), end]
            .into_iter()
            .flatten()
            .min()
    }

    /// Charges what the channel holds now to its app.
    pub(super) fn settle(&mut self) {
        self.charge
            .settle(self.log.bytes() + self.records.bytes() + self.values.bytes());
    }

    /// How long the position is remembered after its last use.
    fn lifetime(&self) -> Duration {
        match self.retention.history {
            Some(history) if self.numbering.is_virgin() => history.window,
            Some(history) => self.retention.position_ttl.max(history.window),
            None if self.version.is_some() => self.retention.position_ttl,
            None => Duration::ZERO,
        }
    }
}

impl Numbering {
    /// The last position, if a log is kept.
    pub(super) fn position(&self) -> Option<Position> {
        self.epoch.map(|epoch| Position::new(epoch, self.seq))
    }

    /// The next position, with the fork that its epoch began with if it is the first of it.
    pub(super) fn advance(&mut self) -> Option<(Position, Option<Fork>)> {
        let epoch = self.epoch?;
        let fork = self
            .lineage
            .forks()
            .last()
            .copied()
            .filter(|fork| fork.at == self.seq);
        self.seq += 1;
        Some((Position::new(epoch, self.seq), fork))
    }

    /// Whether no message was ever numbered.
    fn is_virgin(&self) -> bool {
        self.seq == 0 && self.lineage.forks().is_empty()
    }
}
