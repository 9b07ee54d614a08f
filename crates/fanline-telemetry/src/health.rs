//! Whether a node should be sent clients.
//!
//! *Alive* means that the process answers at all; *ready* that it serves and is not being drained. A
//! load balancer asks for the second, a supervisor that restarts processes for the first only: a node
//! that drains must not be shot for it.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

/// The health of one node, shared by whoever changes it and whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<AtomicU8>);

/// How far a node is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It does not serve yet.
    #[default]
    Starting,
    /// It serves.
    Serving,
    /// It sends its clients away and soon takes no new ones.
    Draining,
}

// === impl Health ===

impl Health {
    /// The health of a node that starts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters another state of life.
    pub fn enter(&self, state: State) {
        self.0.store(state as u8, Ordering::Release);
    }

    /// The state of life.
    #[must_use]
    pub fn state(&self) -> State {
        match self.0.load(Ordering::Acquire) {
            1 => State::Serving,
            2 => State::Draining,
            _ => State::Starting,
        }
    }

    /// `Ok` if the node should be sent clients, else the sentence that says why not.
    ///
    /// # Errors
    /// The node does not serve.
    pub fn ready(&self) -> Result<(), &'static str> {
        match self.state() {
            State::Starting => Err("the node is starting"),
            State::Serving => Ok(()),
            State::Draining => Err("the node is draining"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_while_it_serves_and_at_no_other_time() {
        let health = Health::new();
        assert_eq!(health.ready(), Err("the node is starting"));
        health.enter(State::Serving);
        assert_eq!(health.ready(), Ok(()));
        health.enter(State::Draining);
        assert_eq!(health.ready(), Err("the node is draining"));
    }
}
