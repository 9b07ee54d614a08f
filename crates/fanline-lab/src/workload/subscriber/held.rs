//! What a client holds of a channel, by the rules for clients: its position is set by `from`, by each message and by
//! `through`, and never by `head`.

use serde_json::{Value, json};

use super::super::Standing;
use super::super::frame::Frame;
use crate::log::{At, Event, Topic, Verdict};

/// What a client holds of a channel, across its connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// The last position that was applied: what it offers when it comes back.
    pub(super) position: Option<At>,
    /// The numbering in which it stands, by the last verdict.
    epoch: String,
    pub(super) subscription: Subscription,
    /// Whether the right to it was taken.
    pub(super) is_barred: bool,
}

/// How far a subscription of this connection is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Subscription {
    /// Refused or ended: to be asked for again.
    #[default]
    None,
    Asked,
    Subscribed,
    CaughtUp,
    /// Refused because the right to it was taken: not to be asked for again.
    Barred,
}

/// What a server says of a right that is not there.
const NO_RIGHT: [&str; 2] = ["forbidden", "not_allowed"];

// === impl Held ===

impl Held {
    /// An entry of a subscription, with what it offers.
    pub(super) fn entry(&self, channel: &str) -> Value {
        let mut entry = json!({"channel": channel, "id": channel});
        if let Some(At { epoch, seq }) = &self.position {
            entry["since"] = json!({"epoch": epoch, "seq": seq});
        }
        entry
    }

    /// Whether an answer is due.
    pub(super) fn is_asked(&self) -> bool {
        self.subscription == Subscription::Asked
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.subscription != Subscription::Barred
    }

    /// Takes a frame of this channel and says what it was: nothing that a client must know, or an event, or a frame
    /// that cannot be understood.
    pub(super) fn hear(&mut self, topic: &Topic, frame: &Frame<'_>) -> Option<Result<Event, ()>> {
        let topic = topic.clone();
        let event = match frame.kind {
            "message" => Some(self.message(topic, frame)),
            "subscribed" | "continuity" => frame
                .verdict()
                .map(|verdict| self.verdict(topic, verdict, frame.kind == "subscribed")),
            "skipped" => self.skipped(topic, frame),
            "caught_up" => {
                self.subscription = Subscription::CaughtUp;
                Some(Event::CaughtUp { topic })
            }
            "unsubscribed" | "error" => Some(self.ended(topic, frame)),
            _ => return None,
        };
        Some(event.ok_or(()))
    }

    fn ended(&mut self, topic: Topic, frame: &Frame<'_>) -> Event {
        let reason = frame.reason.clone().unwrap_or_else(|| frame.code());
        let for_good = self.is_barred && NO_RIGHT.contains(&reason.as_str());
        self.subscription = if for_good {
            Subscription::Barred
        } else {
            Subscription::None
        };
        Event::Unsubscribed { topic, reason }
    }

    fn message(&mut self, topic: Topic, frame: &Frame<'_>) -> Event {
        let position = frame.position();
        if position.is_some() {
            self.position.clone_from(&position);
        }
        Event::Message {
            topic,
            position,
            message: frame.message(),
        }
    }

    fn verdict(&mut self, topic: Topic, verdict: Verdict, is_answer: bool) -> Event {
        self.position.clone_from(&verdict.from);
        self.epoch = verdict
            .from
            .as_ref()
            .map(|from| from.epoch.clone())
            .unwrap_or_default();
        if is_answer {
            self.subscription = Subscription::Subscribed;
            return Event::Subscribed { topic, verdict };
        }
        Event::Continuity { topic, verdict }
    }

    fn skipped(&mut self, topic: Topic, frame: &Frame<'_>) -> Option<Event> {
        let through = frame.through.clone()?;
        self.position = Some(through.clone());
        Some(Event::Skipped {
            topic,
            count: frame.count?,
            through,
            reason: frame.skip_reason()?,
        })
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            epoch: self.epoch.clone(),
            seq: self.position.as_ref().map_or(0, |position| position.seq),
            is_live: self.subscription == Subscription::CaughtUp,
        }
    }
}
