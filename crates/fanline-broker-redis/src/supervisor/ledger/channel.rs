//! One shard channel: whether it is wanted, and how it stands on each line.

use tokio::sync::oneshot;

use super::Generation;
use super::routes::Routes;
use crate::slot::slot;

/// A channel that is wanted, or that still stands somewhere.
pub(super) struct Channel {
    pub(super) slot: u16,
    pub(super) wanted: bool,
    /// Its owner acknowledged it since it is wanted: whatever begins to stand from now on comes after a gap.
    pub(super) acknowledged: bool,
    /// One line as a rule; two while its slot moves.
    sides: Vec<(Generation, Side)>,
    waiting: Vec<oneshot::Sender<()>>,
}

/// How a channel stands on one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Subscribing was sent.
    Asked,
    /// The server acknowledged it.
    Stands,
    /// Unsubscribing was sent.
    Leaving,
}

// === impl Channel ===

impl Channel {
    pub(super) fn new(name: &[u8]) -> Self {
        Self {
            slot: slot(name),
            wanted: false,
            acknowledged: false,
            sides: Vec::new(),
            waiting: Vec::new(),
        }
    }

    pub(super) fn side(&self, line: Generation) -> Option<Side> {
        self.sides
            .iter()
            .find_map(|(at, side)| (*at == line).then_some(*side))
    }

    pub(super) fn set(&mut self, line: Generation, side: Option<Side>) {
        self.sides.retain(|(at, _)| *at != line);
        if let Some(side) = side {
            // A node follows many channels, and nearly all of them on one line.
            self.sides.reserve_exact(1);
            self.sides.push((line, side));
        }
    }

    pub(super) fn stands(&self, owner: Option<Generation>) -> bool {
        owner.and_then(|owner| self.side(owner)) == Some(Side::Stands)
    }

    /// If it is wanted and stands at its owner, tells everybody who waits for that.
    pub(super) fn acknowledge_if_standing(&mut self, owner: Option<Generation>) -> bool {
        let stands = self.wanted && self.stands(owner);
        if stands {
            self.acknowledged = true;
            for waiting in std::mem::take(&mut self.waiting) {
                // Nobody waits any more: nothing is lost.
                let _ = waiting.send(());
            }
        }
        stands
    }

    /// Something that will be told when it stands.
    pub(super) fn wait(&mut self) -> oneshot::Receiver<()> {
        // Callers that gave up must not pile up while a server is away.
        self.waiting.retain(|waiting| !waiting.is_closed());
        let (told, waiting) = oneshot::channel();
        self.waiting.push(told);
        waiting
    }

    pub(super) fn release(&mut self) {
        self.wanted = false;
        self.acknowledged = false;
        self.waiting.clear();
    }

    /// Nobody wants it and it stands nowhere.
    pub(super) fn is_idle(&self) -> bool {
        !self.wanted && self.sides.is_empty()
    }

    /// Lines on which something may be due: where it belongs and where it is.
    pub(super) fn places(&self, routes: &Routes) -> impl Iterator<Item = Generation> {
        let belongs = routes.hosts(self.slot);
        let strays = self.sides.iter().map(|(line, _)| *line);
        let strays = strays.filter(move |line| !belongs.contains(&Some(*line)));
        belongs.into_iter().flatten().chain(strays)
    }

    /// Whether to subscribe (`true`) or unsubscribe (`false`) on a line; `None` if all is as it should be
    /// or will be once the server has answered.
    pub(super) fn due(&self, line: Generation, routes: &Routes) -> Option<bool> {
        let belongs = self.wanted && routes.hosts(self.slot).contains(&Some(line));
        match self.side(line) {
            None if belongs => Some(true),
            Some(Side::Stands) if !belongs => Some(false),
            _ => None,
        }
    }
}

#[cfg(test)]
impl Channel {
    pub(super) fn waiters(&self) -> usize {
        self.waiting.len()
    }
}
