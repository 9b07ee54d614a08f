//! What a namespace keeps, as JSON: the replay buffer and the state.

use std::time::Duration;

use fanline_model::{History, StateRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::whole::whole;
use crate::error::StoreError;

/// How much can be replayed. Whatever bound is met first evicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryDocument {
    /// How long a message can be replayed.
    #[schema(minimum = 1, maximum = 86_400)]
    #[serde(deserialize_with = "whole")]
    pub window_seconds: u64,
    /// How many messages are kept.
    #[schema(minimum = 1, maximum = 1_000_000)]
    #[serde(deserialize_with = "whole")]
    pub messages: u64,
    /// How many bytes are kept.
    #[schema(minimum = 1_024, maximum = 1_073_741_824)]
    #[serde(deserialize_with = "whole")]
    pub bytes: u64,
}

/// How much state is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct StateDocument {
    /// How long a last value is kept.
    #[schema(minimum = 1, maximum = 604_800)]
    #[serde(deserialize_with = "whole")]
    pub ttl_seconds: u64,
    /// How many keys a channel may have.
    #[schema(minimum = 1, maximum = 100_000)]
    #[serde(deserialize_with = "whole")]
    pub keys: u64,
}

// === impl HistoryDocument ===

impl Default for HistoryDocument {
    fn default() -> Self {
        Self::of(&History::default())
    }
}

impl HistoryDocument {
    pub(super) fn of(history: &History) -> Self {
        Self {
            window_seconds: history.window.as_secs(),
            messages: history.messages as u64,
            bytes: history.bytes as u64,
        }
    }

    /// The rule's part.
    pub(super) fn to_history(&self) -> History {
        History {
            window: Duration::from_secs(self.window_seconds),
            messages: count(self.messages),
            bytes: count(self.bytes),
        }
    }

    /// Whether every value is in range.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        within("history.window_seconds", self.window_seconds, 1, 86_400)?;
        within("history.messages", self.messages, 1, 1_000_000)?;
        within("history.bytes", self.bytes, 1_024, 1_073_741_824)
    }
}

// === impl StateDocument ===

impl Default for StateDocument {
    /// What the born `cache-` rows have.
    fn default() -> Self {
        Self {
            ttl_seconds: 1_800,
            keys: 1_000,
        }
    }
}

impl StateDocument {
    pub(super) fn of(state: &StateRule) -> Self {
        Self {
            ttl_seconds: state.ttl.as_secs(),
            keys: state.keys as u64,
        }
    }

    /// The rule's part.
    pub(super) fn to_state(&self) -> StateRule {
        StateRule {
            ttl: Duration::from_secs(self.ttl_seconds),
            keys: count(self.keys),
        }
    }

    /// Whether every value is in range.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        within("state.ttl_seconds", self.ttl_seconds, 1, 604_800)?;
        within("state.keys", self.keys, 1, 100_000)
    }
}

/// Refuses a value out of range, by name.
pub(super) fn within(name: &str, value: u64, least: u64, most: u64) -> Result<(), StoreError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(StoreError::Invalid(format!(
        "{name} must lie between {least} and {most}, not {value}"
    )))
}

fn count(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
