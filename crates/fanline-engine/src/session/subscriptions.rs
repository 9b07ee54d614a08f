//! The subscriptions of one connection.

use std::sync::Arc;

use fanline_model::{Channel, Position};
use fanline_protocol::Modes;
use slab::Slab;

use crate::hub::{ChannelFeed, ListenerKey, Reader};
use crate::outbox::Slot;

/// The subscriptions of one connection, found by slot or by channel.
#[derive(Default)]
pub(super) struct Subscriptions {
    all: Slab<Subscription>,
    generation: u32,
}

/// One subscription.
pub(super) struct Subscription {
    generation: u32,
    pub(super) feed: Arc<ChannelFeed>,
    pub(super) phase: Phase,
    /// Where the client stands, by what was sent to it.
    pub(super) position: Option<Position>,
    /// The newest head that was named; once the position reaches it the client has caught up.
    pub(super) goal: Option<Position>,
    pub(super) modes: Modes,
    /// Whether a signature for this channel holds it up.
    pub(super) signed: bool,
    /// Whether its first operation is over: it was refused, or its `subscribed` waits in the outbox.
    pub(super) answered: bool,
    /// Whether `subscribed` was sent.
    pub(super) welcomed: bool,
}

/// How far a subscription has come.
pub(super) enum Phase {
    /// Not answered yet, or a page is being read.
    Busy,
    /// Behind the feed; goes on when the outbox has room.
    Behind(Box<Reader>),
    /// Hears the feed.
    Live(ListenerKey),
}

// === impl Subscriptions ===

impl Subscriptions {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn insert(&mut self, feed: Arc<ChannelFeed>, modes: Modes, signed: bool) -> Slot {
        self.generation = self.generation.wrapping_add(1);
        if self.all.capacity() == 0 {
            // Most connections have one subscription; the default growth would make room for four.
            self.all = Slab::with_capacity(1);
        }
        let index = self.all.insert(Subscription {
            generation: self.generation,
            feed,
            phase: Phase::Busy,
            position: None,
            goal: None,
            modes,
            signed,
            answered: false,
            welcomed: false,
        });
        // A connection has at most thousands of channels.
        Slot {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            generation: self.generation,
        }
    }

    /// The subscription of a slot, unless it has ended.
    pub(super) fn get(&mut self, slot: Slot) -> Option<&mut Subscription> {
        self.all
            .get_mut(slot.index as usize)
            .filter(|one| one.generation == slot.generation)
    }

    pub(super) fn find(&self, channel: &Channel) -> Option<Slot> {
        self.iter()
            .find(|(_, one)| one.feed.id.channel == *channel)
            .map(|(slot, _)| slot)
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<Subscription> {
        self.get(slot)?;
        self.all.try_remove(slot.index as usize)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Subscription)> {
        self.all.iter().map(|(index, one)| {
            let slot = Slot {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                generation: one.generation,
            };
            (slot, one)
        })
    }
}

// === impl Subscription ===

impl Subscription {
    /// The client stands at `position` now. True if it has thereby caught up.
    pub(super) fn moved(&mut self, position: Position) -> bool {
        self.position = Some(position);
        self.take_goal()
    }

    /// Another head was named.
    pub(super) fn named(&mut self, from: Option<Position>, head: Option<Position>) -> bool {
        self.position = from;
        self.goal = head;
        if head.is_none() {
            true
        } else {
            self.take_goal()
        }
    }

    /// What was said of continuity has changed. Whoever has caught up is not told so twice.
    pub(super) fn judged_again(&mut self, from: Option<Position>, head: Option<Position>) -> bool {
        if self.goal.is_some() {
            return self.named(from, head);
        }
        self.position = from;
        false
    }

    fn take_goal(&mut self) -> bool {
        // The numbering goes on across epochs, so the seq alone says whether the goal is reached.
        let reached = matches!((self.goal, self.position), (Some(goal), Some(position)) if position.seq >= goal.seq);
        if reached {
            self.goal = None;
        }
        reached
    }
}
