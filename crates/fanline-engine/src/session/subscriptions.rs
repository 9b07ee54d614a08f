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
    /// Of those that are behind the feed. Few are, and not for long.
    #[expect(
        clippy::vec_box,
        reason = "between two pages a reader moves as a pointer"
    )]
    readers: Vec<Box<Reader>>,
    generation: u32,
}

/// One subscription. A node holds many times more of them than of anything else, so each byte counts.
pub(super) struct Subscription {
    pub(super) feed: Arc<ChannelFeed>,
    /// Where the client stands, by what was sent to it; without an epoch where there is no log.
    position: Position,
    /// How far it is from there to the newest head that was named; once that is reached the client has caught up.
    to_go: u32,
    generation: u32,
    /// Where the listener stands, while it is live.
    listener: ListenerKey,
    phase: Phase,
    flags: Flags,
}

/// The place of who has none.
const NOWHERE: Position = Position {
    epoch: Epoch::NONE,
    seq: 0,
};
/// Of who has nothing to reach. No log is so long.
const NO_GOAL: u32 = u32::MAX;

/// How far a subscription has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not answered yet, or a page is being read.
    Busy,
    /// Behind the feed; goes on when the outbox has room.
    Behind,
    /// Hears the feed.
    Live,
}

/// What of a channel a subscriber gets, and what is known of the subscription: a bit each.
#[derive(Clone, Copy)]
struct Flags(u8);

impl Flags {
    const MESSAGES: u8 = 1;
    const PRESENCE: u8 = 1 << 1;
    const OCCUPANCY: u8 = 1 << 2;
    const SIGNED: u8 = 1 << 3;
    const ANSWERED: u8 = 1 << 4;
    const WELCOMED: u8 = 1 << 5;

    fn of(modes: Modes, signed: bool) -> Self {
        let flag = |set: bool, flag| if set { flag } else { 0 };
        Self(
            flag(modes.messages, Self::MESSAGES)
                | flag(modes.presence, Self::PRESENCE)
                | flag(modes.occupancy, Self::OCCUPANCY)
                | flag(signed, Self::SIGNED),
        )
    }

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

// === impl Subscriptions ===

impl Subscriptions {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Makes room for exactly so many more, if there is none for the next one.
    pub(super) fn expect(&mut self, more: impl FnOnce() -> usize) {
        if self.all.len() == self.all.capacity() {
            self.all.reserve_exact(more());
        }
    }

    pub(super) fn insert(&mut self, feed: Arc<ChannelFeed>, modes: Modes, signed: bool) -> Slot {
        self.generation = (self.generation + 1) & Slot::LAST_GENERATION;
        make_room(&mut self.all);
        let index = self.all.insert(Subscription {
            feed,
            position: NOWHERE,
            to_go: NO_GOAL,
            generation: self.generation,
            listener: ListenerKey::default(),
            phase: Phase::Busy,
            flags: Flags::of(modes, signed),
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
        self.readers.retain(|reader| reader.slot != slot);
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

    /// Lets a reader wait until the outbox has room.
    pub(super) fn put_behind(&mut self, reader: Box<Reader>) {
        if let Some(subscription) = self.get(reader.slot) {
            subscription.phase = Phase::Behind;
            self.readers.push(reader);
        }
    }

    /// Those that wait for room.
    pub(super) fn behind(&self) -> Vec<Slot> {
        self.readers.iter().map(|reader| reader.slot).collect()
    }

    /// The reader of a subscription that was behind, to go on with.
    pub(super) fn take_behind(&mut self, slot: Slot) -> Option<Box<Reader>> {
        let at = self.readers.iter().position(|reader| reader.slot == slot)?;
        self.get(slot)?.phase = Phase::Busy;
        let reader = self.readers.remove(at);
        if self.readers.is_empty() {
            self.readers = Vec::new();
        }
        Some(reader)
    }
}

// === impl Subscription ===

impl Subscription {
    /// How far it has come.
    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Where its listener stands, if it hears the feed.
    pub(super) fn listener(&self) -> Option<ListenerKey> {
        (self.phase == Phase::Live).then_some(self.listener)
    }

    /// It hears the feed now.
    pub(super) fn set_live(&mut self, listener: ListenerKey) {
        self.phase = Phase::Live;
        self.listener = listener;
    }

    pub(super) fn modes(&self) -> Modes {
        Modes {
            messages: self.flags.has(Flags::MESSAGES),
            presence: self.flags.has(Flags::PRESENCE),
            occupancy: self.flags.has(Flags::OCCUPANCY),
        }
    }

    /// Whether a signature for this channel holds it up.
    pub(super) fn is_signed(&self) -> bool {
        self.flags.has(Flags::SIGNED)
    }

    /// Whether its first operation is over: it was refused, or its `subscribed` waits in the outbox.
    pub(super) fn is_answered(&self) -> bool {
        self.flags.has(Flags::ANSWERED)
    }

    pub(super) fn set_answered(&mut self) {
        self.flags.0 |= Flags::ANSWERED;
    }

    /// Whether `subscribed` was sent.
    pub(super) fn is_welcomed(&self) -> bool {
        self.flags.has(Flags::WELCOMED)
    }

    pub(super) fn set_welcomed(&mut self) {
        self.flags.0 |= Flags::WELCOMED;
    }

    /// Where the client stands, by what was sent to it.
    pub(super) fn position(&self) -> Option<Position> {
        (self.position != NOWHERE).then_some(self.position)
    }

    /// The client stands at `position` now. True if it has thereby caught up.
    pub(super) fn moved(&mut self, position: Position) -> bool {
        // The numbering goes on across epochs, so the seq alone says how far it is.
        let moved = position.seq.saturating_sub(self.position.seq);
        self.position = position;
        if self.to_go == NO_GOAL {
            return false;
        }
        self.to_go = self.to_go.saturating_sub(small(moved));
        self.has_arrived()
    }

    /// Another head was named.
    pub(super) fn named(&mut self, from: Option<Position>, head: Option<Position>) -> bool {
        self.position = from.unwrap_or(NOWHERE);
        let Some(head) = head else {
            self.to_go = NO_GOAL;
            return true;
        };
        self.to_go = small(head.seq.saturating_sub(self.position.seq));
        self.has_arrived()
    }

    /// What was said of continuity has changed. Whoever has caught up is not told so twice.
    pub(super) fn judged_again(&mut self, from: Option<Position>, head: Option<Position>) -> bool {
        if self.to_go != NO_GOAL {
            return self.named(from, head);
        }
        self.position = from.unwrap_or(NOWHERE);
        false
    }

    fn has_arrived(&mut self) -> bool {
        let arrived = self.to_go == 0;
        if arrived {
            self.to_go = NO_GOAL;
        }
        arrived
    }
}

fn small(distance: u64) -> u32 {
    u32::try_from(distance).unwrap_or(NO_GOAL).min(NO_GOAL - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `docs/benchmarks.md` says of memory rests on it.
    #[test]
    fn a_subscription_takes_40_bytes() {
        assert_eq!(size_of::<Subscription>(), 40);
    }
}
