//! Whether a node should be sent clients.
//!
//! *Alive* means that the process answers at all; *ready* that it serves and is not being drained. A
//! load balancer asks for the second, a supervisor that restarts processes for the first only: a node
//! that drains must not be shot for it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The health of one node, shared by whoever knows something of it.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<Inner>>);

/// How far a node is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It does not serve yet.
    #[default]
    Starting,
    /// It serves.
    Serving,
    /// It sends its clients away and takes no new ones.
    Draining,
}

#[derive(Debug, Default)]
struct Inner {
    state: State,
    /// What is wrong, by the name of who says so.
    faults: BTreeMap<&'static str, String>,
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
        self.lock().state = state;
    }

    /// The state of life.
    #[must_use]
    pub fn state(&self) -> State {
        self.lock().state
    }

    /// Something that the node cannot do without is away; `sentence` says what to look at.
    pub fn fault(&self, who: &'static str, sentence: impl Into<String>) {
        self.lock().faults.insert(who, sentence.into());
    }

    /// It is back.
    pub fn mended(&self, who: &'static str) {
        self.lock().faults.remove(who);
    }

    /// `Ok` if the node should be sent clients, else the sentences that say why not.
    ///
    /// # Errors
    /// The node does not serve, or something that it needs is away.
    pub fn ready(&self) -> Result<(), String> {
        let inner = self.lock();
        let state = match inner.state {
            State::Starting => Some("the node is starting"),
            State::Serving => None,
            State::Draining => Some("the node is draining"),
        };
        let faults = inner.faults.values().map(String::as_str);
        let sentences: Vec<&str> = state.into_iter().chain(faults).collect();
        if sentences.is_empty() {
            Ok(())
        } else {
            Err(sentences.join("; "))
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_ready_while_it_serves_and_nothing_is_away() {
        let health = Health::new();
        assert_eq!(health.ready(), Err("the node is starting".to_owned()));
        health.enter(State::Serving);
        assert_eq!(health.ready(), Ok(()));
        health.fault("store", "the store cannot be read");
        assert_eq!(health.ready(), Err("the store cannot be read".to_owned()));
        health.mended("store");
        assert_eq!(health.ready(), Ok(()));
        health.enter(State::Draining);
        assert_eq!(health.ready(), Err("the node is draining".to_owned()));
    }
}
