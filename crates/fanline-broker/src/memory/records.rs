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

/// The records of one channel. None is forgotten early.
#[derive(Default)]
pub(super) struct Records {
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
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn get(&self, id: &MessageId, now: Timestamp) -> Option<&Record> {
        self.by_id.get(id).filter(|record| record.expires > now)
    }

    /// The records in the order they were made.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&MessageId, &Record)> {
        self.order
            .iter()
            .filter_map(|id| self.by_id.get_key_value(id))
    }

    /// When the oldest record is forgotten.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.by_id
            .get(self.order.front()?)
            .map(|record| record.expires)
    }

    pub(super) fn insert(&mut self, id: MessageId, record: Record) {
        let weight = Self::weight(&id);
        if self.by_id.insert(id.clone(), record).is_none() {
            self.bytes += weight;
            self.order.push_back(id);
        }
    }

    /// Forgets what expired, from the oldest on.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.due().is_some_and(|due| due <= now) {
            if let Some(id) = self.order.pop_front() {
                self.by_id.remove(&id);
                self.bytes -= Self::weight(&id);
            }
        }
    }

    /// Keeps only what `keep` says, at the cost of looking at everything.
    pub(super) fn retain(&mut self, keep: impl Fn(&Record) -> bool) {
        self.by_id.retain(|_, record| keep(record));
        self.order.retain(|id| self.by_id.contains_key(id));
        self.bytes = self.order.iter().map(Self::weight).sum();
    }
}
