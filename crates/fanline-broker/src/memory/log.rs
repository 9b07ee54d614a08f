//! The replay log of one channel: consecutive messages, trimmed by age, count and bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use fanline_model::{History, Message, MessageId, Position, Timestamp};

use crate::broker::PageLimit;

/// The messages with the numbers `evicted_through + 1 ..`, without a gap.
#[derive(Default)]
pub(super) struct Log {
    messages: VecDeque<Arc<Message>>,
    bytes: usize,
    evicted_through: u64,
}

impl Log {
    /// An empty log whose first message will follow `seq`.
    pub(super) fn after_gap(seq: u64) -> Self {
        Self {
            evicted_through: seq,
            ..Self::default()
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn evicted_through(&self) -> u64 {
        self.evicted_through
    }

    /// The oldest message still kept.
    pub(super) fn oldest(&self) -> Option<&Arc<Message>> {
        self.messages.front()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        self.messages.iter()
    }

    /// The message with this number, if it is kept.
    pub(super) fn get(&self, seq: u64) -> Option<&Arc<Message>> {
        let index = seq.checked_sub(self.evicted_through)?.checked_sub(1)?;
        self.messages.get(usize::try_from(index).ok()?)
    }

    /// Messages after `seq`; none if the first of them was evicted.
    pub(super) fn after(&self, seq: u64, limit: PageLimit) -> Vec<Arc<Message>> {
        let Some(skip) = seq.checked_sub(self.evicted_through) else {
            return Vec::new();
        };
        let skip = usize::try_from(skip)
            .unwrap_or(usize::MAX)
            .min(self.messages.len());
        let mut bytes = 0usize;
        let within = |message: &&Arc<Message>| {
            let first = bytes == 0;
            bytes += message.draft.weight();
            first || bytes <= limit.bytes
        };
        self.messages
            .range(skip..)
            .take(limit.messages.max(1))
            .take_while(within)
            .cloned()
            .collect()
    }

    /// The places of those of `ids` that stand in the log.
    pub(super) fn find<'a>(
        &self,
        ids: impl Iterator<Item = &'a MessageId>,
    ) -> HashMap<MessageId, Option<Position>> {
        let mut wanted: HashMap<&MessageId, Option<Position>> = ids.map(|id| (id, None)).collect();
        for message in &self.messages {
            if let Some(place) = wanted.get_mut(&message.draft.id) {
                *place = message.position;
            }
        }
        wanted
            .into_iter()
            .filter(|(_, place)| place.is_some())
            .map(|(id, place)| (id.clone(), place))
            .collect()
    }

    pub(super) fn append(&mut self, message: Arc<Message>) {
        self.bytes += message.draft.weight();
        self.messages.push_back(message);
    }

    /// The bytes that would be evicted if so much were appended.
    pub(super) fn would_free(&self, history: &History, count: usize, bytes: usize) -> usize {
        let mut left = self.messages.len().saturating_add(count);
        let mut held = self.bytes.saturating_add(bytes);
        let mut freed = 0;
        for message in &self.messages {
            if left <= history.messages && held <= history.bytes {
                break;
            }
            let weight = message.draft.weight();
            left -= 1;
            held -= weight;
            freed += weight;
        }
        freed
    }

    /// Evicts what is too old or too much. A bound in bytes never evicts the newest message: what a
    /// publisher was told is in the log can be read at least until the next publish or its window's end.
    pub(super) fn trim(&mut self, history: &History, now: Timestamp) {
        while let Some(oldest) = self.messages.front() {
            let aged = oldest.timestamp.plus(history.window) <= now;
            let over = self.bytes > history.bytes && self.messages.len() > 1;
            if !aged && !over && self.messages.len() <= history.messages {
                break;
            }
            self.evict_oldest();
        }
    }

    /// Evicts every message up to `seq`.
    pub(super) fn evict(&mut self, through: u64) {
        while !self.messages.is_empty() && self.evicted_through < through {
            self.evict_oldest();
        }
    }

    /// Drops every message after `seq`, as a failover does.
    pub(super) fn truncate(&mut self, seq: u64) {
        self.evicted_through = self.evicted_through.min(seq);
        while self
            .messages
            .back()
            .and_then(|last| last.position)
            .is_some_and(|last| last.seq > seq)
        {
            if let Some(last) = self.messages.pop_back() {
                self.bytes -= last.draft.weight();
            }
        }
    }

    /// Gives memory back that an earlier burst needed.
    pub(super) fn shrink(&mut self) {
        if self.messages.capacity() > 8 && self.messages.len() < self.messages.capacity() / 4 {
            self.messages.shrink_to(self.messages.len() * 2);
        }
    }

    fn evict_oldest(&mut self) {
        if let Some(oldest) = self.messages.pop_front() {
            self.bytes -= oldest.draft.weight();
            self.evicted_through += 1;
        }
    }
}
