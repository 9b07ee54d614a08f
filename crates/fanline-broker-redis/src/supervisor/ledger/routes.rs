//! Which lines a slot's channels belong on.

use std::collections::HashMap;
use std::sync::Arc;

use super::Generation;
use crate::topology::Topology;

/// The view of the cluster, seen through the connections that are open.
pub(super) struct Routes {
    view: Arc<Topology>,
    /// Of each slot that moves, the id of the primary that receives it.
    receivers: HashMap<u16, Box<str>>,
    /// The present connection to each primary.
    lines: HashMap<Box<str>, Generation>,
}

// === impl Routes ===

impl Routes {
    pub(super) fn new() -> Self {
        Self {
            view: Arc::new(Topology::unknown()),
            receivers: HashMap::new(),
            lines: HashMap::new(),
        }
    }

    pub(super) fn turn(&mut self, view: &Arc<Topology>) {
        self.view = Arc::clone(view);
        let moving = view.primaries.iter().flat_map(|giver| &giver.migrating);
        self.receivers = moving.cloned().collect();
    }

    pub(super) fn open(&mut self, primary: &str, line: Generation) {
        self.lines.insert(primary.into(), line);
    }

    /// Only that very connection: its primary may have another one by now.
    pub(super) fn close(&mut self, line: Generation) {
        self.lines.retain(|_, open| *open != line);
    }

    /// Whether there is a connection to every primary that serves slots, of which there must be one.
    pub(super) fn are_open(&self) -> bool {
        let mut owners = self.view.owners().peekable();
        owners.peek().is_some() && owners.all(|owner| self.lines.contains_key(&owner.id))
    }

    /// The connection to the owner of a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<Generation> {
        self.lines.get(&self.view.primary_of(slot)?.id).copied()
    }

    /// The connections on which the channels of a slot belong: of the owner, and of who receives it.
    pub(super) fn hosts(&self, slot: u16) -> [Option<Generation>; 2] {
        let owner = self.owner(slot);
        let receiver = self.receivers.get(&slot);
        let receiver = receiver.and_then(|id| self.lines.get(id)).copied();
        [owner, receiver.filter(|_| receiver != owner)]
    }
}
