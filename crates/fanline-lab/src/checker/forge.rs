//! Forged logs: short stories of one channel, in which each test breaks one thing.

use crate::log::{
    ActorLog, Answer, At, Continuity, Event, Logs, LostReason, Published, SkipReason, Topic,
    Verdict,
};

use super::Verdicts;
use super::world::World;

/// A position, in short.
pub(super) type Short = (&'static str, u64);

/// A run of one channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Forged {
    publisher: Vec<Event>,
    auditor: Vec<Event>,
    others: Vec<ActorLog>,
}

/// A subscriber's log.
#[derive(Debug, Default)]
pub(super) struct Diary(pub(super) Vec<Event>);

pub(super) fn topic() -> Topic {
    Topic {
        tenant: "alpha".to_owned(),
        channel: "acked.1".to_owned(),
    }
}

pub(super) fn at((epoch, seq): Short) -> At {
    At {
        epoch: epoch.to_owned(),
        seq,
    }
}

/// A message whose id, mark and content are all of this name.
pub(super) fn message(name: &str) -> Published {
    Published {
        id: Some(name.to_owned()),
        mark: name.to_owned(),
        of: topic(),
        hash: format!("hash of {name}"),
    }
}

// === impl Forged ===

impl Forged {
    pub(super) fn attempted(mut self, name: &str) -> Self {
        self.publisher.push(Event::PublishAttempt {
            topic: topic(),
            message: message(name),
            node: "alpha-1".to_owned(),
            attempt: 1,
        });
        self
    }

    pub(super) fn answered(mut self, name: &str, answer: Answer) -> Self {
        self.publisher.push(Event::PublishAnswer {
            topic: topic(),
            mark: name.to_owned(),
            answer,
        });
        self
    }

    pub(super) fn acked(self, name: &str, position: Short) -> Self {
        let answer = Answer::Acked {
            id: name.to_owned(),
            position: at(position),
            duplicate: false,
        };
        self.attempted(name).answered(name, answer)
    }

    pub(super) fn refused(self, name: &str) -> Self {
        let code = "unavailable".to_owned();
        self.attempted(name)
            .answered(name, Answer::Refused { code })
    }

    pub(super) fn head(self, head: Short) -> Self {
        self.audits(Event::FinalHead {
            topic: topic(),
            head: Some(at(head)),
        })
    }

    pub(super) fn logged(self, name: &str, position: Short) -> Self {
        self.audits(Event::Logged {
            topic: topic(),
            position: at(position),
            message: message(name),
        })
    }

    pub(super) fn lineage_kept(self, epoch: &'static str) -> Self {
        self.lineage(epoch, Continuity::Kept, (epoch, 0))
    }

    pub(super) fn lineage_forked(self, old: &'static str, seq: u64, new: &'static str) -> Self {
        let forked_at = Some(at((old, seq)));
        self.lineage(old, Continuity::Forked { forked_at }, (new, 0))
    }

    pub(super) fn subscriber(self, write: impl FnOnce(&mut Diary)) -> Self {
        let mut diary = Diary::default();
        write(&mut diary);
        diary.0.push(Event::Stopped);
        self.actor("subscriber", diary.0)
    }

    pub(super) fn actor(mut self, name: &str, events: Vec<Event>) -> Self {
        let name = format!("{name}-{}", self.others.len() + 1);
        self.others.push(ActorLog::forged(&name, events));
        self
    }

    /// The check finds nothing, and it looked.
    pub(super) fn passes(self, check: fn(&World<'_>) -> Verdicts) {
        let logs = self.logs();
        let verdicts = check(&World::of(&logs));
        assert_eq!(verdicts.violations, []);
    }

    /// The check finds exactly one thing, and says this of it.
    pub(super) fn fails(self, check: fn(&World<'_>) -> Verdicts, text: &str) {
        let logs = self.logs();
        let verdicts = check(&World::of(&logs));
        let [violation] = verdicts.violations.as_slice() else {
            unreachable!("one violation is expected: {:?}", verdicts.violations)
        };
        assert!(violation.text.contains(text), "{violation}");
        assert!(!violation.places.is_empty(), "{violation}");
    }

    pub(super) fn audits(mut self, event: Event) -> Self {
        self.auditor.push(event);
        self
    }

    fn lineage(self, epoch: &'static str, continuity: Continuity, from: Short) -> Self {
        self.audits(Event::Lineage {
            topic: topic(),
            since: at((epoch, 0)),
            verdict: verdict(continuity, from, from),
        })
    }

    fn logs(self) -> Logs {
        let mut actors = self.others;
        actors.push(ActorLog::forged("publisher", self.publisher));
        actors.push(ActorLog::forged("auditor", self.auditor));
        Logs::forged(actors)
    }
}

pub(super) fn verdict(continuity: Continuity, from: Short, head: Short) -> Verdict {
    Verdict {
        continuity,
        from: Some(at(from)),
        head: Some(at(head)),
    }
}

// === impl Diary ===

impl Diary {
    pub(super) fn fresh(&mut self, from: Short) -> &mut Self {
        self.asks(None).told(Continuity::Fresh, from, from)
    }

    pub(super) fn kept(&mut self, since: Short) -> &mut Self {
        let far = (since.0, since.1 + 100);
        self.asks(Some(since)).told(Continuity::Kept, since, far)
    }

    pub(super) fn forked(&mut self, since: Short, forked_at: Short, from: Short) -> &mut Self {
        let forked_at = Some(at(forked_at));
        let far = (from.0, from.1 + 100);
        self.asks(Some(since))
            .told(Continuity::Forked { forked_at }, from, far)
    }

    pub(super) fn lost(&mut self, since: Short, reason: &str, from: Short) -> &mut Self {
        let reason = match reason {
            "too_old" => Some(LostReason::TooOld),
            "diverged" => Some(LostReason::Diverged),
            "unknown_epoch" => Some(LostReason::UnknownEpoch),
            _ => None,
        };
        self.asks(Some(since))
            .told(Continuity::Lost { reason }, from, from)
    }

    pub(super) fn changes(
        &mut self,
        continuity: Continuity,
        from: Short,
        head: Short,
    ) -> &mut Self {
        self.push(Event::Continuity {
            topic: topic(),
            verdict: verdict(continuity, from, head),
        })
    }

    pub(super) fn asks(&mut self, since: Option<Short>) -> &mut Self {
        self.push(Event::Subscribing {
            topic: topic(),
            since: since.map(at),
        })
    }

    pub(super) fn told(&mut self, continuity: Continuity, from: Short, head: Short) -> &mut Self {
        self.push(Event::Subscribed {
            topic: topic(),
            verdict: verdict(continuity, from, head),
        })
    }

    pub(super) fn message(&mut self, name: &str, position: Short) -> &mut Self {
        self.push(Event::Message {
            topic: topic(),
            position: Some(at(position)),
            message: message(name),
        })
    }

    pub(super) fn skipped(&mut self, count: u64, through: Short) -> &mut Self {
        self.push(Event::Skipped {
            topic: topic(),
            count,
            through: at(through),
            reason: SkipReason::Slow,
        })
    }

    pub(super) fn caught_up(&mut self) -> &mut Self {
        self.push(Event::CaughtUp { topic: topic() })
    }

    pub(super) fn cut(&mut self) -> &mut Self {
        self.push(Event::Disconnected {
            code: 1006,
            reason: "cut".to_owned(),
            by_us: true,
        })
    }

    pub(super) fn push(&mut self, event: Event) -> &mut Self {
        self.0.push(event);
        self
    }
}
