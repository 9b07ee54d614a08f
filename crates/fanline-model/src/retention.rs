//! What a channel keeps, and for how long.

use std::time::Duration;

/// The replay buffer of a channel. Whatever bound is met first evicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// How long a message can be replayed.
    pub window: Duration,
    /// How many messages are kept.
    pub messages: usize,
    /// How many bytes ([`Draft::weight`](crate::Draft::weight)) are kept.
    pub bytes: usize,
}

/// Last values per key that outlive the log's trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateRule {
    /// How long a last value is kept.
    pub ttl: Duration,
    /// How many keys a channel may have; a publish beyond is refused.
    pub keys: usize,
}

/// Everything a broker must know of a channel's rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The replay buffer; `None` keeps no log, and messages have no position.
    pub history: Option<History>,
    /// How long a position outlives its log, so that a quiet channel reports no loss that never was.
    pub position_ttl: Duration,
    /// How long a publish with a given id is recognised again.
    pub idempotency_window: Duration,
    /// Last values per key.
    pub state: Option<StateRule>,
    /// Whose acknowledgement a publish waits for.
    pub durability: Durability,
}

/// Whose acknowledgement a logged message waits for before its publisher is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// That of the server which numbered it. If it dies before its replicas have the message, the loss is declared
    /// as a fork.
    #[default]
    Acked,
    /// That of the configured number of replicas too.
    Replicated,
}

impl Default for History {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(120),
            messages: 6_000,
            bytes: 4 * 1024 * 1024,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            history: Some(History::default()),
            position_ttl: Duration::from_secs(7 * 24 * 3600),
            idempotency_window: Duration::from_secs(120),
            state: None,
            durability: Durability::default(),
        }
    }
}
