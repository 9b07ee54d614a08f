//! What waits for one connection: filled by the fan-out, drained by the session's task.
//!
//! Bounded in bytes. It wakes its task only when it turns from empty to filled, so that a burst costs one
//! wake-up, and holds no memory while empty beyond what its last burst left.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use fanline_broker::{Entry, PresenceChange, PresenceRevision};
use fanline_model::Position;
use fanline_protocol::{Continuity, SharedFrame, SkipReason, SubscribedEvent, Tag};
use fanline_tenancy::SlowConsumer;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use crate::policy;
use crate::thrift::give_back;

/// Names one subscription of one connection; never used twice by it, so that what is late is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    /// Its place among the connection's subscriptions.
    pub(crate) index: u32,
    /// Which subscription had that place: of 24 bits.
    pub(crate) generation: u32,
}

impl Slot {
    /// After it comes the first one again.
    pub(crate) const LAST_GENERATION: u32 = (1 << 24) - 1;
}

/// One thing that waits.
#[derive(Debug)]
pub(crate) enum Item {
    /// A message of a channel, encoded and shared.
    Frame {
        slot: Slot,
        position: Option<Position>,
        key: Option<Arc<str>>,
        frame: SharedFrame,
    },
    /// Something about a subscription that the connection's protocol must put into words.
    Notice { slot: Slot, notice: Notice },
}

/// What a channel says to one subscriber beside messages.
#[derive(Debug)]
pub(crate) enum Notice {
    Subscribed(Box<SubscribedEvent>),
    Continuity {
        continuity: Continuity,
        from: Option<Position>,
        head: Option<Position>,
    },
    Skipped {
        count: u64,
        through: Position,
        reason: SkipReason,
    },
    Presence(Box<PresenceChange>),
    Roster(Box<RosterPage>),
    Occupancy(u64),
}

/// A page of who is on a channel.
#[derive(Debug)]
pub(crate) struct RosterPage {
    pub(crate) entries: Vec<Arc<Entry>>,
    pub(crate) revision: PresenceRevision,
    pub(crate) members: usize,
    pub(crate) last: bool,
    pub(crate) tag: Tag,
}

impl RosterPage {
    /// About what it will weigh in the protocol's words.
    fn weight(&self) -> usize {
        let optional = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let weigh = |entry: &Arc<Entry>| {
            entry.member.as_str().len()
                + optional(&entry.info)
                + optional(&entry.data)
                + ENTRY_BYTES
        };
        self.entries.iter().map(weigh).sum()
    }
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits.
    Queued,
    /// It did not fit, and the policy is to disconnect; nothing more is taken.
    Overflowed,
}

/// The waiting things of one connection.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    waker: AtomicWaker,
}

#[derive(Debug)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    limit: usize,
    /// Nothing is taken any more: the connection ends.
    closed: bool,
    overflowed: bool,
}

/// What the entry of a roster weighs beside what it says.
const ENTRY_BYTES: usize = 64;
/// What an item weighs beside its frame.
const ITEM_BYTES: usize = std::mem::size_of::<Item>();

// === impl Outbox ===

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        let waiting = Waiting {
            items: VecDeque::new(),
            bytes: 0,
            limit,
            closed: false,
            overflowed: false,
        };
        Self {
            waiting: Mutex::new(waiting),
            waker: AtomicWaker::new(),
        }
    }

    /// The task to wake.
    pub(crate) fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    /// Wakes the task, whether or not anything waits.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Sets the bound, in bytes.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.waiting.lock().limit = limit;
    }

    /// Adds one thing.
    pub(crate) fn push(&self, item: Item, slow: SlowConsumer) -> Pushed {
        let mut waiting = self.waiting.lock();
        let was_empty = waiting.items.is_empty();
        let pushed = waiting.push(item, slow);
        drop(waiting);
        if was_empty {
            self.waker.wake();
        }
        pushed
    }

    /// Adds several things at once; they were measured against [`Outbox::room`] before.
    pub(crate) fn extend(&self, items: impl IntoIterator<Item = Item>) {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return;
        }
        let before = waiting.items.len();
        for item in items {
            waiting.bytes += item.weight();
            waiting.items.push_back(item);
        }
        let added = waiting.items.len() > before;
        drop(waiting);
        // A session that adds nothing to its own outbox must not wake itself for it.
        if added {
            self.waker.wake();
        }
    }

    /// How many bytes may still be added before the policy acts, and whether nothing waits.
    pub(crate) fn room(&self) -> (usize, bool) {
        let waiting = self.waiting.lock();
        (
            waiting.limit.saturating_sub(waiting.bytes),
            waiting.items.is_empty(),
        )
    }

    /// Whether so little waits that a reader who is behind may be handed more.
    pub(crate) fn wants_more(&self) -> bool {
        let waiting = self.waiting.lock();
        waiting.bytes <= waiting.limit / 4
    }

    /// Takes things from the front, about `bytes` of them. True if more wait.
    pub(crate) fn take(&self, bytes: usize, into: &mut Vec<Item>) -> bool {
        let mut waiting = self.waiting.lock();
        let mut taken = 0;
        while taken < bytes
            && let Some(item) = waiting.items.pop_front()
        {
            taken += item.weight();
            into.push(item);
        }
        waiting.bytes = waiting.bytes.saturating_sub(taken);
        give_back(&mut waiting.items);
        !waiting.items.is_empty()
    }

    /// Drops what waits and takes nothing more.
    pub(crate) fn close(&self) {
        let mut waiting = self.waiting.lock();
        waiting.closed = true;
        waiting.bytes = 0;
        waiting.items = VecDeque::new();
    }
}

// === impl Waiting ===

impl Waiting {
    fn push(&mut self, item: Item, slow: SlowConsumer) -> Pushed {
        if self.closed || self.overflowed {
            return Pushed::Overflowed;
        }
        let weight = item.weight();
        let slot = item.slot();
        // Notices always fit: they are few, small, and no policy may drop them.
        let bounded = matches!(item, Item::Frame { .. });
        self.items.push_back(item);
        self.bytes += weight;
        if bounded && self.bytes > self.limit {
            if slow != SlowConsumer::Disconnect && self.drop_ephemeral(weight) {
                return Pushed::Queued;
            }
            self.bytes -= policy::relieve(&mut self.items, slot, slow, self.bytes - self.limit);
            if self.bytes > self.limit {
                self.overflowed = true;
                return Pushed::Overflowed;
            }
        }
        Pushed::Queued
    }
}

impl Waiting {
    /// Takes back what was just pushed, if it is outside the promise.
    fn drop_ephemeral(&mut self, weight: usize) -> bool {
        let ephemeral = matches!(self.items.back(), Some(Item::Frame { position: None, .. }));
        if ephemeral {
            self.items.pop_back();
            self.bytes -= weight;
        }
        ephemeral
    }
}

// === impl Item ===

impl Item {
    pub(crate) fn slot(&self) -> Slot {
        match self {
            Self::Frame { slot, .. } | Self::Notice { slot, .. } => *slot,
        }
    }

    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Frame { frame, .. } => ITEM_BYTES + frame.frame().bytes().len(),
            Self::Notice {
                notice: Notice::Roster(page),
                ..
            } => ITEM_BYTES + page.weight(),
            Self::Notice { .. } => ITEM_BYTES,
        }
    }
}
