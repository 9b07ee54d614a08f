//! The last value of each key of one channel, which outlives the log's trim.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fanline_model::{Message, Timestamp};

/// Last values, in order of their number.
#[derive(Default)]
pub(super) struct Values {
    by_seq: BTreeMap<u64, Value>,
    /// The number of each key's last value. A message without a key belongs to the empty key.
    by_key: HashMap<Arc<str>, u64, ahash::RandomState>,
    bytes: usize,
}

struct Value {
    message: Arc<Message>,
    expires: Timestamp,
}

/// The key that a message is the last value of.
pub(super) fn key_of(message: &fanline_model::Draft) -> &str {
    message.key.as_deref().unwrap_or_default()
}

impl Values {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The last value of a key, a removal included.
    pub(super) fn get(&self, key: &str) -> Option<&Arc<Message>> {
        let seq = self.by_key.get(key)?;
        self.by_seq.get(seq).map(|value| &value.message)
    }

    /// The values in order of their number, with their expiry.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<Message>, Timestamp)> {
        self.by_seq
            .values()
            .map(|value| (&value.message, value.expires))
    }

    /// When the oldest value expires.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.by_seq.values().next().map(|value| value.expires)
    }

    /// Makes a logged message the last value of its key.
    pub(super) fn put(&mut self, message: Arc<Message>, expires: Timestamp) {
        let Some(position) = message.position else {
            return;
        };
        let key = message.draft.key.clone().unwrap_or_default();
        self.bytes += message.draft.weight();
        self.by_seq.insert(position.seq, Value { message, expires });
        if let Some(before) = self.by_key.insert(key, position.seq) {
            self.drop_value(before);
        }
    }

    /// Forgets what expired, from the oldest on.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some((&seq, oldest)) = self.by_seq.first_key_value() {
            if oldest.expires > now {
                break;
            }
            self.remove(seq);
        }
    }

    /// Forgets every value numbered after `seq`.
    pub(super) fn truncate(&mut self, seq: u64) {
        while let Some((&last, _)) = self.by_seq.last_key_value() {
            if last <= seq {
                break;
            }
            self.remove(last);
        }
    }

    fn remove(&mut self, seq: u64) {
        if let Some(message) = self.drop_value(seq) {
            self.by_key.remove(key_of(&message.draft));
        }
    }

    fn drop_value(&mut self, seq: u64) -> Option<Arc<Message>> {
        let message = self.by_seq.remove(&seq)?.message;
        self.bytes -= message.draft.weight();
        Some(message)
    }
}
