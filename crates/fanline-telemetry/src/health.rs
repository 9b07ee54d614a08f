//! Whether a node should be sent clients.
//!
//! *Alive* means that the process answers at all; *ready* that it serves, has once had what it needs (its broker)
//! and is not being drained. A
//! load balancer asks for the second, a supervisor that restarts processes for the first only: a node
//! that drains must not be shot for it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU8, Ordering},
};

/// The health of one node, shared by whoever changes it and whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: AtomicU8,
    /// What must be there before the node serves for the first time, and is not.
    missing: Mutex<Option<String>>,
}

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
        self.0.state.store(state as u8, Ordering::Release);
    }

    /// The state of life.
    #[must_use]
    pub fn state(&self) -> State {
        match self.0.state.load(Ordering::Acquire) {
            1 => State::Serving,
            2 => State::Draining,
            _ => State::Starting,
        }
    }

    /// Is not ready for want of this, until [`found`](Self::found) says that it is there. A later word replaces
    /// an earlier one.
    pub fn miss(&self, what: impl Into<String>) {
        *self.missing() = Some(what.into());
    }

    /// Nothing is missing any more. What gets lost later is another matter: every node loses it, and a load
    /// balancer that sends all of them away makes it worse.
    pub fn found(&self) {
        *self.missing() = None;
    }

    /// `Ok` if the node should be sent clients, else the sentence that says why not.
    ///
    /// # Errors
    /// The node does not serve, or misses what it needs to begin.
    pub fn ready(&self) -> Result<(), String> {
        match self.state() {
            State::Starting => Err("the node is starting".to_owned()),
            State::Serving => self.missing().clone().map_or(Ok(()), Err),
            State::Draining => Err("the node is draining".to_owned()),
        }
    }

    fn missing(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        let missing = self.0.missing.lock();
        missing.unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_while_it_serves_and_at_no_other_time() {
        let health = Health::new();
        assert_eq!(health.ready(), Err("the node is starting".to_owned()));
        health.enter(State::Serving);
        assert_eq!(health.ready(), Ok(()));
        health.enter(State::Draining);
        assert_eq!(health.ready(), Err("the node is draining".to_owned()));
    }

    #[test]
    fn a_node_that_misses_something_is_not_ready_until_it_is_found() {
        let health = Health::new();
        health.miss("no Redis yet");
        health.enter(State::Serving);
        assert_eq!(health.ready(), Err("no Redis yet".to_owned()));
        health.miss("a wrong password");
        assert_eq!(health.ready(), Err("a wrong password".to_owned()));
        health.found();
        assert_eq!(health.ready(), Ok(()));
    }
}
