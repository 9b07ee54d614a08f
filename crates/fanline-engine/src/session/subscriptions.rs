//! The subscriptions of one connection.

use std::sync::Arc;

use fanline_model::{Channel, Epoch, Position};
use fanline_protocol::Modes;
use slab::Slab;

use crate::hub::{ChannelFeed, ListenerKey, Reader};
use crate::outbox::Slot;
use crate::thrift::make_room;

/// The subscriptions of one connection, found by slot or by channel.
#[derive(Default)]
pub(super) struct Subscriptions {
    all: Slab<Subscription>,
    generation: u32,
}

/// One subscription. A node holds many times more of them than of anything else, so each byte counts.
pub(super) struct Subscription {
    pub(super) feed: Arc<ChannelFeed>,
    pub(super) phase: Phase,
    /// Where the client stands, by what was sent to it; without an epoch where there is no log.
    position: Position,
    /// The seq of the newest head that was named; once the position reaches it the client has caught up.
    goal: u64,
    generation: u32,
    pub(super) modes: Modes,
    /// Whether a signature for this channel holds it up.
    pub(super) signed: bool,
    /// Whether its first operation is over: it was refused, or its `subscribed` waits in the outbox.
    pub(super) answered: bool,
    /// Whether `subscribed` was sent.
    pub(super) welcomed: bool,
}

/// The place of who has none.
const NOWHERE: Position = Position {
    epoch: Epoch::NONE,
    seq: 0,
};
/// The goal of who has none: numbers end long before it.
const NO_GOAL: u64 = u64::MAX;

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
        make_room(&mut self.all);
        let index = self.all.insert(Subscription {
            feed,
            phase: Phase::Busy,
            position: NOWHERE,
            goal: NO_GOAL,
            generation: self.generation,
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
    /// Where the client stands, by what was sent to it.
    pub(super) fn position(&self) -> Option<Position> {
        (self.position != NOWHERE).then_some(self.position)
    }

    /// The client stands at `position` now. True if it has thereby caught up.
    pub(super) fn moved(&mut self, position: Position) -> bool {
        self.position = position;
        self.take_goal()
    }

    /// Another head was named.
    pub(super) fn named(&mut self, from: Option<Position>, head: Option<Position>) -> bool {
        self.position = from.unwrap_or(NOWHERE);
        self.goal = head.map_or(NO_GOAL, |head| head.seq);
        head.is_none() || self.take_goal()
    }

    /// What was said of continuity has changed. Whoever has caught up is not told so twice.
    pub(super) fn judged_again(&mut self, from: Option<Position>, head: Option<Position>) -> bool {
        if self.goal != NO_GOAL {
            return self.named(from, head);
        }
        self.position = from.unwrap_or(NOWHERE);
        false
    }

    fn take_goal(&mut self) -> bool {
        // The numbering goes on across epochs, so the seq alone says whether the goal is reached.
        let reached = self.position != NOWHERE && self.position.seq >= self.goal;
        if reached {
            self.goal = NO_GOAL;
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `docs/benchmarks.md` says of memory rests on it.
    #[test]
    fn a_subscription_takes_64_bytes() {
        assert_eq!(size_of::<Subscription>(), 64);
    }
}
