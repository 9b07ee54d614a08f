//! Answers of the library, as `publish.lua` and `read.lua` give them. Whatever has another form is no answer.

use std::sync::Arc;

use bytes::Bytes;
use fanline_broker::{Condition, Head, Outcome, Page, UnchangedReason, envelope};
use fanline_model::{Epoch, Fork, Lineage, Message, Position};
use redis::Value;

/// What a log entry has before its envelope: flags and weight, and the length of what the edge wrote of it.
const ENTRY_HEADER: usize = 8;
/// What the tail of a log entry has between its first byte and its position: the timestamp, and two headers.
const BEFORE_POSITION: usize = 11;
/// What a slot has before its key: expiry, seq, length of the key.
const SLOT_HEADER: usize = 20;

/// A head, or none. The outer `None`: that is no answer.
pub(crate) fn head(value: &Value) -> Option<Option<Head>> {
    if is_nothing(value) {
        return Some(None);
    }
    let mut rest = Rest(bytes(value)?);
    let head = rest.head()?;
    rest.0.is_empty().then_some(head)
}

/// The heads of so many channels, or none. The outer `None`: that is no answer.
pub(crate) fn heads(value: &Value, count: usize) -> Option<Vec<Option<Head>>> {
    let heads: Vec<_> = list(value)?.iter().map(head).collect::<Option<_>>()?;
    (heads.len() == count).then_some(heads)
}

/// What became of each draft.
pub(crate) fn outcomes(value: &Value, condition: Option<&Condition>) -> Option<Vec<Outcome>> {
    let mut rest = Rest(bytes(value)?);
    let reason = match condition {
        Some(Condition::IfPosition(_)) | None => UnchangedReason::Position,
        Some(Condition::UnlessEqual) => UnchangedReason::Equal,
        Some(Condition::Version(_)) => UnchangedReason::Version,
    };
    let mut outcomes = Vec::new();
    while !rest.0.is_empty() {
        outcomes.push(match rest.take::<1>()? {
            // The tail of its entry begins so.
            b" " => {
                rest.take::<BEFORE_POSITION>()?;
                Outcome::Appended {
                    position: Some(rest.position()?),
                }
            }
            b"A" => Outcome::Appended { position: None },
            b"D" => Outcome::Duplicate { position: None },
            b"d" => Outcome::Duplicate {
                position: Some(rest.position()?),
            },
            b"U" => Outcome::Unchanged {
                reason,
                head: Some(rest.position()?).filter(|head| head.epoch != Epoch::NONE),
            },
            _ => return None,
        });
    }
    Some(outcomes)
}

/// What is carried to followers: a message, header and all.
pub(crate) fn carried(payload: &Bytes) -> Option<Arc<Message>> {
    message(payload.get(ENTRY_HEADER..)?)
}

/// A page of the log, or none.
pub(crate) fn page(value: &Value) -> Option<Option<Page>> {
    read_page(value, |entry| message(entry.get(ENTRY_HEADER..)?))
}

/// Last values in position order, or none.
pub(crate) fn state(value: &Value) -> Option<Option<Page>> {
    let slot = |slot: &[u8]| {
        let length: [u8; 4] = slot.get(SLOT_HEADER - 4..SLOT_HEADER)?.try_into().ok()?;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
        message(slot.get(SLOT_HEADER.checked_add(length)?..)?)
    };
    let mut page = read_page(value, slot)?;
    if let Some(page) = &mut page {
        page.messages
            .sort_by_key(|message| message.position.map(|position| position.seq));
    }
    Some(page)
}

fn read_page(value: &Value, read: impl Fn(&[u8]) -> Option<Arc<Message>>) -> Option<Option<Page>> {
    if is_nothing(value) {
        return Some(None);
    }
    let [at, entries] = list(value)? else {
        return None;
    };
    let messages = list(entries)?
        .iter()
        .map(|entry| read(bytes(entry)?))
        .collect::<Option<_>>()?;
    Some(head(at)?.map(|head| Page { head, messages }))
}

fn message(bytes: &[u8]) -> Option<Arc<Message>> {
    match envelope::decode(Bytes::copy_from_slice(bytes)) {
        Ok(message) => Some(Arc::new(message)),
        Err(error) => {
            tracing::error!(%error, "a log holds what this version cannot read");
            None
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Nil | Value::Boolean(false))
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

// === impl Rest ===

/// What is still to be read of an answer.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(|bytes| u64::from_be_bytes(*bytes))
    }

    fn position(&mut self) -> Option<Position> {
        let epoch = Epoch::from_u64(self.number()?);
        Some(Position::new(epoch, self.number()?))
    }

    /// The inner `None`: the channel keeps no log.
    fn head(&mut self) -> Option<Option<Head>> {
        let position = self.position()?;
        let evicted_through = self.number()?;
        let [count] = *self.take()?;
        let fork = |_| {
            let at = self.position()?;
            Some(Fork {
                epoch: at.epoch,
                at: at.seq,
            })
        };
        let forks = (0..count).map(fork).collect::<Option<_>>()?;
        Some((position.epoch != Epoch::NONE).then(|| Head {
            position,
            lineage: Lineage::new(forks),
            evicted_through,
        }))
    }
}
