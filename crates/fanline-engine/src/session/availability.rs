//! Telling clients that the broker is away, and that it is back.
//!
//! The state is the node's, not the channel's: which channels of a client suffer is more than a node that cannot
//! reach the broker could say. The sweep compares what each session was told with what is so, which costs nothing
//! where both agree. Of a change every session is told once, and of one that was undone between two sweeps none.

use std::sync::atomic::Ordering;

use fanline_protocol::Event;

use super::Session;
use crate::engine::Engine;
use crate::shared::{SessionShared, flag};

impl Engine {
    /// Whether messages may come late because the broker is away.
    pub fn is_degraded(&self) -> bool {
        !self.hub.broker.is_available()
    }
}

impl SessionShared {
    /// What the node's state asks of the session.
    pub(crate) fn due_by_availability(&self, degraded: bool) -> u32 {
        let knows_better = self.told_degraded.load(Ordering::Relaxed) != degraded;
        if knows_better && self.identity().is_some() {
            flag::AVAILABILITY
        } else {
            0
        }
    }
}

impl Session {
    /// Tells the client what is so now, unless it was told so before.
    pub(super) fn tell_availability(&mut self) {
        let degraded = self.engine.is_degraded();
        let told = &self.shared.told_degraded;
        if told.swap(degraded, Ordering::Relaxed) != degraded {
            self.tell(Event::Degraded { degraded });
        }
    }
}
