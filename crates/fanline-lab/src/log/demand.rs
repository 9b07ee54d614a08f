//! What a scenario demands of its own run, written down before anything happens: bounds on times, and sights without
//! which the run put nothing to the test.

use serde::{Deserialize, Serialize};

use super::LostReason;

/// A time that must not be longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// From what to what.
    pub measure: Measure,
    /// During which fault: how its text begins.
    pub during: String,
    /// The bound.
    pub at_most_ms: u64,
}

/// From what to what a time is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// From the fault's beginning until a server's metrics show that it noticed: it is degraded, or gave a
    /// subscriber connection up.
    Notice,
    /// From an attempt to publish to its answer.
    Answer,
    /// From a message's acknowledgement until a subscriber whose line stands has it.
    Arrival,
    /// From a broken line to `caught_up`; of a hundred subscriptions one may take longer.
    Return,
}

/// What must be seen in a run, or it tested something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// What.
    pub sight: Sight,
    /// How often at least.
    pub at_least: usize,
}

/// Something that the logs show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// A subscription that was told `kept`, and then, before it had caught up, that the rest is lost.
    LostOnTheWay(LostReason),
    /// A subscription that was refused because its right was taken.
    RightRefused,
    /// Two clients that hold one connection id at the same time, each on a line of its own.
    SharedConnection,
    /// A subscription without a position, answered and caught up.
    Fresh,
}
