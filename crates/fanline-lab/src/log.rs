//! What actors write down: one file of JSON lines for each, which the checker alone reads.
//!
//! A line is an [`Entry`]: when, and an [`Event`]. An actor's file is written in the order in which things happened
//! to it. Nothing here judges.

mod demand;
mod event;
mod read;
mod word;
mod write;

pub use demand::{Expectation, Limit, Measure, Sight};
pub use event::Event;
pub use read::{ActorLog, Logs, Place};
pub use word::{
    Answer, At, Continuity, LostReason, Member, PresenceKind, Published, Revision, SkipReason,
    Topic, Verdict,
};
pub use write::{Logbook, Recorder};

use serde::{Deserialize, Serialize};

/// One line of an actor's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Microseconds since the run began, by one monotonic clock for all actors.
    pub at: u64,
    /// Which of the file's actors, where several share one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<u32>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}
