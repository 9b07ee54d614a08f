//! From the outbox to the link: frames as they are, notices in the protocol's words.

use std::cell::RefCell;

use fanline_model::Channel;
use fanline_protocol::{Event, Outgoing};

use super::{BATCH_BYTES, Session};
use crate::outbox::{Item, Notice, Slot};

thread_local! {
    /// What was taken from an outbox, for the length of one call: no session keeps a buffer for it.
    static TAKEN: RefCell<Vec<Item>> = const { RefCell::new(Vec::new()) };
}

impl Session {
    /// Moves what waits in the outbox to the sending queue. Without a link it waits on.
    pub(super) fn fill(&mut self) {
        if self.link.is_none() {
            return;
        }
        let mut taken = TAKEN.take();
        // What belongs to ended subscriptions makes no frame. Nobody would wake the task for what lies
        // behind it, so it looks on until there is something to send.
        while self.sending.is_empty() {
            let more = self.shared.outbox.take(BATCH_BYTES, &mut taken);
            for item in taken.drain(..) {
                self.sent_this_turn += item.weight();
                self.put(item);
            }
            if !more {
                break;
            }
        }
        TAKEN.set(taken);
    }

    /// Lets every subscription that is behind go on, if so little waits that there is room.
    pub(super) fn read_on(&mut self) {
        if self.sending.is_empty() && self.shared.outbox.wants_more() {
            self.go_on();
        }
        if self.sending.is_empty() {
            self.fill();
        }
    }

    /// Moves everything that waits, so that what is said next comes after it.
    pub(super) fn fill_all(&mut self) {
        let mut taken = Vec::new();
        self.shared.outbox.take(usize::MAX, &mut taken);
        for item in taken {
            self.put(item);
        }
    }

    fn put(&mut self, item: Item) {
        let slot = item.slot();
        // What belongs to a subscription that has ended is late, and nobody's.
        let Some(subscription) = self.subscriptions.get(slot) else {
            return;
        };
        match item {
            Item::Frame {
                position, frame, ..
            } => {
                self.sending.push_back(Outgoing::Shared(frame));
                if position.is_some_and(|position| subscription.moved(position)) {
                    self.caught_up(slot);
                }
            }
            Item::Notice { notice, .. } => self.put_notice(slot, notice),
        }
    }

    fn put_notice(&mut self, slot: Slot, notice: Notice) {
        let Some(subscription) = self.subscriptions.get(slot) else {
            return;
        };
        let channel = subscription.feed.id.channel.clone();
        match notice {
            Notice::Subscribed(event) => {
                let caught_up = subscription.named(event.from, event.head);
                subscription.set_welcomed();
                self.tell(Event::Subscribed(*event));
                if caught_up {
                    self.caught_up(slot);
                }
            }
            Notice::Continuity {
                continuity,
                from,
                head,
            } => {
                let caught_up = subscription.judged_again(from, head);
                let event = Event::Continuity {
                    channel,
                    continuity,
                    from,
                    head,
                };
                self.end_on = self.end_on.or_else(|| self.dialect.ends_on(&event));
                self.tell(event);
                if caught_up {
                    self.caught_up(slot);
                }
            }
            Notice::Skipped {
                count,
                through,
                reason,
            } => {
                let caught_up = subscription.moved(through);
                self.tell(Event::Skipped {
                    channel,
                    count,
                    through,
                    reason,
                });
                if caught_up {
                    self.caught_up(slot);
                }
            }
            Notice::Presence(change) => self.tell(Event::Presence {
                channel,
                change: *change,
            }),
            Notice::Roster(page) => self.put_roster(slot, channel, *page),
            Notice::Occupancy(connections) => self.tell(Event::Occupancy {
                channel,
                connections,
            }),
        }
    }

    fn caught_up(&mut self, slot: Slot) {
        if let Some(channel) = self.channel_of(slot) {
            self.tell(Event::CaughtUp { channel });
        }
    }

    fn channel_of(&mut self, slot: Slot) -> Option<Channel> {
        self.subscriptions
            .get(slot)
            .map(|one| one.feed.id.channel.clone())
    }

    /// Advances every subscription that is behind by one step.
    fn go_on(&mut self) {
        for slot in self.subscriptions.behind() {
            if let Some(reader) = self.subscriptions.take_behind(slot) {
                self.advance(reader);
            }
            if !self.shared.outbox.wants_more() {
                break;
            }
        }
    }
}
