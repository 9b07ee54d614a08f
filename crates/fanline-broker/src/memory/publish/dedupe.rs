//! Recognising what was published before, and seeing to it that it will be recognised.

use std::collections::HashMap;

use fanline_model::{Draft, MessageId, Timestamp};

use super::super::channel::Channel;
use super::super::records::Record;
use super::{OPEN, is_open};
use crate::broker::{Outcome, Publish, PublishError};

/// Ids that the server made are recorded only for a caller who may call again.
pub(super) fn is_recorded(publish: &Publish, draft: &Draft) -> bool {
    publish.retry || !draft.id.is_server_made()
}

impl Channel {
    /// One outcome per draft: a duplicate of what is known, or open.
    pub(super) fn recognise(
        &self,
        publish: &Publish,
        drafts: &[Draft],
        now: Timestamp,
    ) -> Result<Vec<Outcome>, PublishError> {
        let searched = if publish.retry {
            self.log.find(
                drafts
                    .iter()
                    .map(|draft| &draft.id)
                    .filter(|id| id.is_server_made()),
            )
        } else {
            HashMap::new()
        };
        let recognise = |draft: &Draft| match self.records.get(&draft.id, now) {
            Some(record) if is_other_body(record, publish) => {
                Err(PublishError::IdempotencyMismatch(draft.id.clone()))
            }
            Some(record) => Ok(Outcome::Duplicate {
                position: record.position,
            }),
            None => Ok(match searched.get(&draft.id) {
                Some(position) => Outcome::Duplicate {
                    position: *position,
                },
                None => OPEN,
            }),
        };
        drafts.iter().map(recognise).collect()
    }

    /// The id, if it must be recorded and is not yet. A draft whose id was recorded by an earlier one of
    /// the same call is open no more.
    pub(super) fn to_record(
        &self,
        publish: &Publish,
        draft: &Draft,
        outcome: &mut Outcome,
        now: Timestamp,
    ) -> Option<MessageId> {
        if !is_recorded(publish, draft) {
            return None;
        }
        let Some(record) = self.records.get(&draft.id, now) else {
            return Some(draft.id.clone());
        };
        if is_open(outcome) {
            *outcome = Outcome::Duplicate {
                position: record.position,
            };
        }
        None
    }

    /// Remembers an id with what became of it.
    pub(super) fn record(
        &mut self,
        publish: &Publish,
        id: MessageId,
        outcome: &Outcome,
        now: Timestamp,
    ) {
        let position = match outcome {
            Outcome::Appended { position } | Outcome::Duplicate { position } => *position,
            Outcome::Unchanged { .. } => return,
        };
        let items_hash = publish.items_hash.filter(|_| !id.is_server_made());
        let expires = now.plus(publish.retention.idempotency_window);
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

/// Whether both calls said what they were part of, and it is not the same.
fn is_other_body(record: &Record, publish: &Publish) -> bool {
    matches!((record.items_hash, publish.items_hash), (Some(then), Some(now)) if then != now)
}
