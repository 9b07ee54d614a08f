//! The live listeners of one channel, and the fan-out to them.

use std::sync::Arc;

use fanline_broker::PresenceChange;
use fanline_model::{Channel, Message, Position};
use fanline_protocol::{Continuity, Format, Modes, Protocol, SharedFrame, SkipReason};
use fanline_tenancy::SlowConsumer;
use slab::Slab;

use crate::outbox::{Item, Notice, Pushed, RosterPage, Slot};
use crate::shared::{SessionShared, flag};
use crate::thrift::make_room;

/// One live subscription. A node holds as many as subscriptions: 16 bytes each.
pub(crate) struct Listener {
    shared: Arc<SessionShared>,
    index: u32,
    /// The generation of its slot, and in the last byte what it hears and what becomes of it when it is slow.
    packed: u32,
}

// What `Listener::packed` holds below the generation.
const MESSAGES: u32 = 1;
const PRESENCE: u32 = 1 << 1;
const OCCUPANCY: u32 = 1 << 2;
const DROP_OLDEST: u32 = 1 << 3;
const CONFLATE: u32 = 1 << 4;
const GENERATION: u32 = 8;

/// Where a listener stands in [`Listeners`].
#[derive(Clone, Copy, Debug, Default)]
#[repr(Rust, packed(2))]
pub(crate) struct ListenerKey {
    index: u32,
    group: u16,
}

/// The live listeners, by encoding, so that a message is encoded once for each.
#[derive(Default)]
pub(super) struct Listeners {
    groups: Vec<Group>,
    len: usize,
    /// How many of them want to hear of occupancy.
    counting: usize,
    /// How many of them want to hear of members.
    watching: usize,
}

struct Group {
    protocol: Arc<dyn Protocol>,
    format: Format,
    listeners: Slab<Listener>,
}

// === impl Listeners ===

impl Listeners {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether anybody wants to hear of members.
    pub(super) fn watch_members(&self) -> bool {
        self.watching > 0
    }

    pub(super) fn insert(
        &mut self,
        protocol: &Arc<dyn Protocol>,
        format: Format,
        listener: Listener,
    ) -> ListenerKey {
        let known = self
            .groups
            .iter()
            .position(|group| group.format == format && group.protocol.name() == protocol.name());
        let group = known.unwrap_or_else(|| {
            self.groups.reserve_exact(1);
            self.groups.push(Group {
                protocol: Arc::clone(protocol),
                format,
                listeners: Slab::new(),
            });
            self.groups.len() - 1
        });
        let listeners = &mut self.groups[group].listeners;
        make_room(listeners);
        self.len += 1;
        self.counting += usize::from(listener.modes().occupancy);
        self.watching += usize::from(listener.modes().presence);
        let index = listeners.insert(listener);
        // A node has neither so many encodings nor so many connections.
        ListenerKey {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            group: u16::try_from(group).unwrap_or(u16::MAX),
        }
    }

    pub(super) fn remove(&mut self, key: ListenerKey) {
        if let Some(group) = self.groups.get_mut(usize::from(key.group))
            && let Some(listener) = group.listeners.try_remove(key.index as usize)
        {
            self.len -= 1;
            self.counting -= usize::from(listener.modes().occupancy);
            self.watching -= usize::from(listener.modes().presence);
            if group.listeners.is_empty() {
                group.listeners = Slab::new();
            }
        }
    }

    /// Hands a message to every listener: encoded once per encoding, shared by all.
    pub(super) fn message(&self, channel: &Channel, message: &Message) {
        for group in self
            .groups
            .iter()
            .filter(|group| !group.listeners.is_empty())
        {
            let frame = group
                .protocol
                .encode(group.format, channel, message)
                .map(SharedFrame::new);
            for (_, listener) in &group.listeners {
                if listener.modes().messages
                    && let Some(item) =
                        message_item(listener.slot(), &listener.shared, message, frame.as_ref())
                {
                    listener.push(item);
                }
            }
        }
    }

    /// Tells every listener that what it was told of continuity has changed.
    pub(super) fn continuity(
        &self,
        continuity: Continuity,
        from: Option<Position>,
        head: Option<Position>,
    ) {
        self.each(|_| {
            Some(Notice::Continuity {
                continuity,
                from,
                head,
            })
        });
    }

    /// Tells whoever asked for it that members changed.
    pub(super) fn presence(&self, change: &PresenceChange) {
        self.each(|listener| {
            listener
                .modes()
                .presence
                .then(|| Notice::Presence(Box::new(change.clone())))
        });
    }

    /// Tells one listener who is there.
    pub(super) fn roster(&self, key: ListenerKey, pages: Vec<RosterPage>) {
        let group = self.groups.get(usize::from(key.group));
        let listener = group.and_then(|group| group.listeners.get(key.index as usize));
        let Some(listener) = listener else { return };
        for page in pages {
            listener.push(Item::Notice {
                slot: listener.slot(),
                notice: Notice::Roster(Box::new(page)),
            });
        }
    }

    /// Tells whoever asked for it how many connections follow the channel.
    pub(super) fn occupancy(&self, connections: u64) {
        if self.counting == 0 {
            return;
        }
        self.each(|listener| {
            listener
                .modes()
                .occupancy
                .then_some(Notice::Occupancy(connections))
        });
    }

    fn each(&self, notice: impl Fn(&Listener) -> Option<Notice>) {
        for (_, listener) in self.groups.iter().flat_map(|group| &group.listeners) {
            if let Some(notice) = notice(listener) {
                listener.push(Item::Notice {
                    slot: listener.slot(),
                    notice,
                });
            }
        }
    }
}

/// What one listener gets of a message: the frame, or a skip where it is excluded. `None` for an
/// ephemeral message that is not for it, and where the protocol has no frame for the message.
pub(super) fn message_item(
    slot: Slot,
    shared: &SessionShared,
    message: &Message,
    frame: Option<&SharedFrame>,
) -> Option<Item> {
    let excluded = message
        .draft
        .origin
        .exclude
        .is_some_and(|connection| shared.is(connection));
    if excluded {
        let through = message.position?;
        let notice = Notice::Skipped {
            count: 1,
            through,
            reason: SkipReason::Excluded,
        };
        return Some(Item::Notice { slot, notice });
    }
    let frame = frame?.clone();
    Some(Item::Frame {
        slot,
        position: message.position,
        key: message.draft.key.clone(),
        frame,
    })
}

// === impl Listener ===

impl Listener {
    pub(crate) fn new(
        shared: Arc<SessionShared>,
        slot: Slot,
        modes: Modes,
        slow: SlowConsumer,
    ) -> Self {
        let flag = |set: bool, flag| if set { flag } else { 0 };
        let slow = match slow {
            SlowConsumer::Disconnect => 0,
            SlowConsumer::DropOldest => DROP_OLDEST,
            SlowConsumer::Conflate => CONFLATE,
        };
        Self {
            shared,
            index: slot.index,
            packed: slot.generation << GENERATION
                | flag(modes.messages, MESSAGES)
                | flag(modes.presence, PRESENCE)
                | flag(modes.occupancy, OCCUPANCY)
                | slow,
        }
    }

    fn slot(&self) -> Slot {
        Slot {
            index: self.index,
            generation: self.packed >> GENERATION,
        }
    }

    fn modes(&self) -> Modes {
        Modes {
            messages: self.packed & MESSAGES != 0,
            presence: self.packed & PRESENCE != 0,
            occupancy: self.packed & OCCUPANCY != 0,
        }
    }

    fn slow(&self) -> SlowConsumer {
        match self.packed & (DROP_OLDEST | CONFLATE) {
            DROP_OLDEST => SlowConsumer::DropOldest,
            CONFLATE => SlowConsumer::Conflate,
            _ => SlowConsumer::Disconnect,
        }
    }

    fn push(&self, item: Item) {
        if self.shared.outbox.push(item, self.slow()) == Pushed::Overflowed {
            self.shared.raise(flag::SLOW);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fanline_protocol::Liveness;

    use super::*;

    #[test]
    fn a_listener_takes_16_bytes_and_forgets_nothing() {
        assert_eq!(size_of::<Listener>(), 16);
        let liveness = Liveness {
            idle: Duration::ZERO,
            answer_within: Duration::ZERO,
        };
        let shared = Arc::new(SessionShared::new(liveness, Duration::ZERO, 0));
        let slot = Slot {
            index: 7,
            generation: Slot::LAST_GENERATION,
        };
        for slow in [
            SlowConsumer::Disconnect,
            SlowConsumer::DropOldest,
            SlowConsumer::Conflate,
        ] {
            for bits in 0..8 {
                let modes = Modes {
                    messages: bits & 1 != 0,
                    presence: bits & 2 != 0,
                    occupancy: bits & 4 != 0,
                };
                let listener = Listener::new(Arc::clone(&shared), slot, modes, slow);
                let said = (listener.slot(), listener.modes(), listener.slow());
                assert_eq!(said, (slot, modes, slow));
            }
        }
    }
}
