//! The last value of each key of one channel, which outlives the log's trim.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fanline_model::{Draft, Message, Timestamp};

/// Last values, in order of their number. A channel without any holds a pointer.
#[derive(Default)]
pub(super) struct Values(Option<Box<Held>>);

#[derive(Default)]
struct Held {
    by_seq: BTreeMap<u64, Value>,
    /// The number of each key's last value.
    by_key: HashMap<Arc<str>, u64, ahash::RandomState>,
    bytes: usize,
}

struct Value {
    message: Arc<Message>,
    expires: Timestamp,
}

/// The key whose last value a message is: without one, the empty key.
pub(super) fn key_of(draft: &Draft) -> &str {
    draft.key.as_deref().unwrap_or_default()
}

impl Values {
    pub(super) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |held| held.bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |held| held.by_key.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The last value of a key, a removal included.
    pub(super) fn get(&self, key: &str) -> Option<&Arc<Message>> {
        let held = self.0.as_ref()?;
        held.by_seq
            .get(held.by_key.get(key)?)
            .map(|value| &value.message)
    }

    /// The values in order of their number, with their expiry.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<Message>, Timestamp)> {
        let values = self.0.iter().flat_map(|held| held.by_seq.values());
        values.map(|value| (&value.message, value.expires))
    }

    /// When the oldest value expires.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.iter().next().map(|(_, expires)| expires)
    }

    /// Makes a logged message the last value of its key.
    pub(super) fn put(&mut self, message: Arc<Message>, expires: Timestamp) {
        let Some(position) = message.position else {
            return;
        };
        let held = self.0.get_or_insert_default();
        let key = message.draft.key.clone().unwrap_or_default();
        held.bytes += message.draft.weight();
        held.by_seq.insert(position.seq, Value { message, expires });
        if let Some(before) = held.by_key.insert(key, position.seq) {
            held.drop_value(before);
        }
    }

    /// Forgets what expired, from the oldest on.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.remove_while(|held| {
            held.by_seq
                .iter()
                .next()
                .filter(|(_, value)| value.expires <= now)
        });
    }

    /// Forgets every value numbered after `seq`.
    pub(super) fn truncate(&mut self, seq: u64) {
        self.remove_while(|held| {
            held.by_seq
                .iter()
                .next_back()
                .filter(|(last, _)| **last > seq)
        });
    }

    fn remove_while(&mut self, next: impl Fn(&Held) -> Option<(&u64, &Value)>) {
        while let Some(held) = &mut self.0 {
            let Some(seq) = next(held).map(|(seq, _)| *seq) else {
                return;
            };
            if let Some(message) = held.drop_value(seq) {
                held.by_key.remove(key_of(&message.draft));
            }
            if held.by_seq.is_empty() {
                self.0 = None;
            }
        }
    }
}

impl Held {
    fn drop_value(&mut self, seq: u64) -> Option<Arc<Message>> {
        let message = self.by_seq.remove(&seq)?.message;
        self.bytes -= message.draft.weight();
        Some(message)
    }
}
