//! Idempotency records: which ids were published, where, and as part of what body.

use std::collections::{HashMap, VecDeque};

use fanline_model::{MessageId, Position, Timestamp};

/// What is remembered of a published id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// The place it got.
    pub(super) position: Option<Position>,
    /// The hash of the body it was part of, if the publisher gave the id.
    pub(super) items_hash: Option<[u8; 16]>,
    /// When it is forgotten.
    pub(super) expires: Timestamp,
}

/// The records of one channel. None is forgotten early. A channel without any holds a pointer.
#[derive(Default)]
pub(super) struct Records(Option<Box<Held>>);

#[derive(Default)]
struct Held {
    by_id: HashMap<MessageId, Record, ahash::RandomState>,
    /// In order of recording, which is the order of expiry while the window stays the same.
    order: VecDeque<MessageId>,
    bytes: usize,
}

impl Records {
    /// What holding an id costs, in bytes.
    pub(super) fn weight(id: &MessageId) -> usize {
        id.as_str().len() + 128
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |held| held.bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |held| held.by_id.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn get(&self, id: &MessageId, now: Timestamp) -> Option<&Record> {
        self.0
            .as_ref()?
            .by_id
            .get(id)
            .filter(|record| record.expires > now)
    }

    /// The records in the order they were made.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&MessageId, &Record)> {
        let held = self.0.iter();
        held.flat_map(|held| {
            held.order
                .iter()
                .filter_map(|id| held.by_id.get_key_value(id))
        })
    }

    /// When the oldest record is forgotten.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let held = self.0.as_ref()?;
        held.by_id
            .get(held.order.front()?)
            .map(|record| record.expires)
    }

    pub(super) fn insert(&mut self, id: MessageId, record: Record) {
        let held = self.0.get_or_insert_default();
        if held.by_id.insert(id.clone(), record).is_none() {
            held.bytes += Self::weight(&id);
            held.order.push_back(id);
        }
    }

    /// Forgets what expired, from the oldest on.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.due().is_some_and(|due| due <= now) {
            self.forget_oldest();
        }
    }

    /// Keeps only what `keep` says, at the cost of looking at everything.
    pub(super) fn retain(&mut self, keep: impl Fn(&Record) -> bool) {
        if let Some(held) = &mut self.0 {
            held.by_id.retain(|_, record| keep(record));
            held.order.retain(|id| held.by_id.contains_key(id));
            held.bytes = held.order.iter().map(Self::weight).sum();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(held) = &mut self.0 else {
            return;
        };
        if let Some(id) = held.order.pop_front() {
            held.by_id.remove(&id);
            held.bytes -= Self::weight(&id);
        }
        if held.order.is_empty() {
            self.0 = None;
        }
    }
}
