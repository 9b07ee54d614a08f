//! The act of publishing: dedupe, condition, number, append, notify, under the channel's lock.
//!
//! The fence is the lock itself: there is one owner of a channel in a process. Everything that can refuse
//! is asked before anything is changed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use fanline_model::{Draft, Message, Position, Timestamp};

use super::budget::Budgets;
use super::channel::Channel;
use super::records::{Record, Records};
use super::values::key_of;
use crate::broker::{
    BrokerError, ChannelId, Condition, Feed, Outcome, Publish, PublishError, UnchangedReason,
};

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
            .any(|draft| is_logged(publish, draft) || is_recorded(publish, draft))
}

fn is_logged(publish: &Publish, draft: &Draft) -> bool {
    publish.retention.history.is_some() && !draft.ephemeral
}

/// Ids that the server made are recorded only for a caller who may call again.
fn is_recorded(publish: &Publish, draft: &Draft) -> bool {
    publish.retry || !draft.id.is_server_made()
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
            let head = self.numbering.position();
            let refused = Outcome::Unchanged { reason, head };
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
        if let (Some(Condition::Version(version)), true) =
            (&publish.condition, outcomes.iter().any(is_appended))
        {
            self.version = Some((*version, self.numbering.seq));
        }
        if let Some(history) = &self.retention.history {
            self.log.trim(history, around.now);
        }
        self.touch(around.now);
        Ok(outcomes)
    }

    /// One outcome per draft: a duplicate of what is known, or open.
    fn recognise(
        &self,
        publish: &Publish,
        drafts: &[Draft],
        now: Timestamp,
    ) -> Result<Vec<Outcome>, PublishError> {
        let searched = match publish.retry {
            true => self.log.find(
                drafts
                    .iter()
                    .map(|draft| &draft.id)
                    .filter(|id| id.is_server_made()),
            ),
            false => HashMap::new(),
        };
        let recognise = |draft: &Draft| {
            let Some(record) = self.records.get(&draft.id, now) else {
                return Ok(match searched.get(&draft.id) {
                    Some(position) => Outcome::Duplicate {
                        position: *position,
                    },
                    None => OPEN,
                });
            };
            match (record.items_hash, publish.items_hash) {
                (Some(then), Some(today)) if then != today => {
                    Err(PublishError::IdempotencyMismatch(draft.id.clone()))
                }
                _ => Ok(Outcome::Duplicate {
                    position: record.position,
                }),
            }
        };
        drafts.iter().map(recognise).collect()
    }

    /// Why the condition does not hold for what is still open.
    fn refusal(
        &self,
        publish: &Publish,
        drafts: &[Draft],
        outcomes: &[Outcome],
    ) -> Option<UnchangedReason> {
        let condition = publish.condition.as_ref()?;
        let mut open = open_drafts(drafts, outcomes).peekable();
        open.peek()?;
        match condition {
            Condition::IfPosition(wanted) => {
                (self.numbering.position() != Some(*wanted)).then_some(UnchangedReason::Position)
            }
            Condition::Version(version) => self
                .version
                .is_some_and(|(last, _)| *version <= last)
                .then_some(UnchangedReason::Version),
            Condition::UnlessEqual => self.equals_last(open).then_some(UnchangedReason::Equal),
        }
    }

    /// Whether one of the drafts says what the last value of its key says already.
    ///
    /// Without a rule that keeps last values, the newest message with the key that the log still has counts.
    fn equals_last<'a>(&self, drafts: impl Iterator<Item = &'a Draft>) -> bool {
        let same = |last: &Message, draft: &Draft| {
            last.draft.payload == draft.payload && last.draft.removed == draft.removed
        };
        if self.retention.state.is_some() {
            return drafts.into_iter().any(|draft| {
                self.values
                    .get(key_of(draft))
                    .is_some_and(|last| same(last, draft))
            });
        }
        let mut sought: HashMap<&str, Vec<&Draft>> = HashMap::new();
        drafts.for_each(|draft| sought.entry(key_of(draft)).or_default().push(draft));
        let newest = self.log.iter().rev();
        newest
            .map_while(|last| {
                (!sought.is_empty()).then(|| (last, sought.remove(key_of(&last.draft))))
            })
            .any(|(last, drafts)| drafts.into_iter().flatten().any(|draft| same(last, draft)))
    }

    /// Whether there is room for everything that is open: records, keys, and the app's bytes.
    fn check_room(
        &mut self,
        publish: &Publish,
        drafts: &[Draft],
        outcomes: &[Outcome],
        around: &Surroundings<'_>,
    ) -> Result<(), PublishError> {
        let unrecorded: Vec<&Draft> = drafts
            .iter()
            .filter(|draft| {
                is_recorded(publish, draft) && self.records.get(&draft.id, around.now).is_none()
            })
            .collect();
        if self.records.len() + unrecorded.len() > around.records {
            let distinct: HashSet<_> = unrecorded.iter().map(|draft| &draft.id).collect();
            self.records.retain(|record| record.expires > around.now);
            if self.records.len() + distinct.len() > around.records {
                return Err(PublishError::RecordsFull);
            }
        }
        let records: usize = unrecorded
            .iter()
            .map(|draft| Records::weight(&draft.id))
            .sum();

        let logged = || open_drafts(drafts, outcomes).filter(|draft| is_logged(publish, draft));
        let (count, bytes) = logged().fold((0, 0), |(count, bytes), draft| {
            (count + 1, bytes + draft.weight())
        });
        let freed = self
            .retention
            .history
            .map_or(0, |history| self.log.would_free(&history, count, bytes));
        let values = match self.retention.state {
            Some(rule) => {
                let unknown = || {
                    logged()
                        .map(key_of)
                        .filter(|key| self.values.get(key).is_none())
                };
                if self.values.len() + unknown().count() > rule.keys
                    && self.values.len() + unknown().collect::<HashSet<_>>().len() > rule.keys
                {
                    return Err(PublishError::KeysFull);
                }
                bytes
            }
            None => 0,
        };
        match around
            .budgets
            .allows(&self.charge, bytes + values + records, freed)
        {
            true => Ok(()),
            false => Err(BrokerError::OverBudget.into()),
        }
    }

    /// Carries what is open, and records what must be.
    fn settle_draft(
        &mut self,
        publish: &Publish,
        draft: Draft,
        outcome: &mut Outcome,
        around: &Surroundings<'_>,
    ) {
        let recorded = is_recorded(publish, &draft);
        let known = if recorded {
            self.records.get(&draft.id, around.now)
        } else {
            None
        };
        if let (Some(record), true) = (known, is_open(outcome)) {
            // The same id twice in one call: the first was just published.
            *outcome = Outcome::Duplicate {
                position: record.position,
            };
        }
        let unrecorded = (recorded && known.is_none()).then(|| draft.id.clone());
        let position = match outcome {
            Outcome::Appended { position } => {
                *position = self.carry(&publish.channel, draft, around);
                *position
            }
            Outcome::Duplicate { position } | Outcome::Unchanged { head: position, .. } => {
                *position
            }
        };
        if let Some(id) = unrecorded {
            let items_hash = if id.is_server_made() {
                None
            } else {
                publish.items_hash
            };
            let expires = around.now.plus(publish.retention.idempotency_window);
            self.records.insert(
                id,
                Record {
                    position,
                    items_hash,
                    expires,
                },
            );
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
}

/// A draft that is still to be published.
const OPEN: Outcome = Outcome::Appended { position: None };

fn is_open(outcome: &Outcome) -> bool {
    *outcome == OPEN
}

fn is_appended(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Appended { .. })
}

fn open_drafts<'a>(
    drafts: &'a [Draft],
    outcomes: &'a [Outcome],
) -> impl Iterator<Item = &'a Draft> + use<'a> {
    drafts
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| is_open(outcome))
        .map(|(draft, _)| draft)
}
