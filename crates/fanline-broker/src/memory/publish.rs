//! The act of publishing: dedupe, condition, number, append, notify, under the channel's lock.
//!
//! The fence is the lock itself: there is one owner of a channel in a process. Everything that can refuse
//! is asked before anything is changed.

mod condition;
mod dedupe;
mod room;

use std::sync::Arc;

use fanline_model::{Draft, Message, Position, Timestamp};

use super::budget::Budgets;
use super::channel::Channel;
use crate::broker::{ChannelId, Condition, Feed, Outcome, Publish, PublishError};

/// What a publish needs beside the channel.
pub(super) struct Surroundings<'a> {
    pub(super) now: Timestamp,
    pub(super) feed: Option<&'a dyn Feed>,
    pub(super) budgets: &'a Budgets,
    /// How many idempotency records a channel may hold.
    pub(super) records: usize,
}

/// Whether a publish leaves anything behind in a channel that nobody follows and nobody remembers.
pub(super) fn leaves_a_trace(publish: &Publish, drafts: &[Draft]) -> bool {
    publish.condition.is_some()
        || drafts
            .iter()
            .any(|draft| is_logged(publish, draft) || dedupe::is_recorded(publish, draft))
}

fn is_logged(publish: &Publish, draft: &Draft) -> bool {
    publish.retention.history.is_some() && !draft.ephemeral
}

impl Channel {
    /// Publishes these drafts of the call, under the channel's lock.
    pub(super) fn publish(
        &mut self,
        publish: &Publish,
        drafts: Vec<Draft>,
        around: &Surroundings<'_>,
    ) -> Result<Vec<Outcome>, PublishError> {
        self.touch(around.now);
        let mut outcomes = self.recognise(publish, &drafts, around.now)?;
        if let Some(reason) = self.refusal(publish, &drafts, &outcomes) {
            let refused = Outcome::Unchanged {
                reason,
                head: self.numbering.position(),
            };
            outcomes
                .iter_mut()
                .filter(|outcome| is_open(outcome))
                .for_each(|open| *open = refused.clone());
            return Ok(outcomes);
        }
        self.check_room(publish, &drafts, &outcomes, around)?;

        for (draft, outcome) in drafts.into_iter().zip(&mut outcomes) {
            self.settle_draft(publish, draft, outcome, around);
        }
        self.note_version(publish, &outcomes);
        if let Some(history) = &self.retention.history {
            self.log.trim(history, around.now);
        }
        self.touch(around.now);
        Ok(outcomes)
    }

    /// Carries the draft if it is open, and records its id if that must be.
    fn settle_draft(
        &mut self,
        publish: &Publish,
        draft: Draft,
        outcome: &mut Outcome,
        around: &Surroundings<'_>,
    ) {
        let unrecorded = self.to_record(publish, &draft, outcome, around.now);
        if is_open(outcome) {
            *outcome = Outcome::Appended {
                position: self.carry(&publish.channel, draft, around),
            };
        }
        if let Some(id) = unrecorded {
            self.record(publish, id, outcome, around.now);
        }
    }

    /// Numbers, appends and notifies.
    fn carry(
        &mut self,
        id: &ChannelId,
        draft: Draft,
        around: &Surroundings<'_>,
    ) -> Option<Position> {
        let numbered = if draft.ephemeral {
            None
        } else {
            self.numbering.advance()
        };
        if numbered.is_none() && !self.followed {
            return None;
        }
        let (position, fork) = (
            numbered.map(|(position, _)| position),
            numbered.and_then(|(_, fork)| fork),
        );
        let message = Arc::new(Message {
            draft,
            timestamp: around.now,
            position,
            fork,
        });
        if position.is_some() {
            self.log.append(Arc::clone(&message));
            if let Some(rule) = &self.retention.state {
                self.values
                    .put(Arc::clone(&message), around.now.plus(rule.ttl));
            }
        }
        let Some(feed) = around.feed.filter(|_| self.followed) else {
            return position;
        };
        if position.is_some() && self.lose > 0 {
            self.lose -= 1;
        } else {
            feed.message(id, message);
        }
        position
    }

    fn note_version(&mut self, publish: &Publish, outcomes: &[Outcome]) {
        if let Some(Condition::Version(version)) = &publish.condition
            && outcomes
                .iter()
                .any(|outcome| matches!(outcome, Outcome::Appended { .. }))
        {
            self.version = Some((*version, self.numbering.seq));
        }
    }
}

/// A draft that is still to be published; its place comes with that.
const OPEN: Outcome = Outcome::Appended { position: None };

fn is_open(outcome: &Outcome) -> bool {
    *outcome == OPEN
}

fn open_drafts<'a>(
    drafts: &'a [Draft],
    outcomes: &'a [Outcome],
) -> impl Iterator<Item = &'a Draft> + Clone {
    drafts
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| is_open(outcome))
        .map(|(draft, _)| draft)
}
