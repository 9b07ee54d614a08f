//! The words of which events are made: channels, positions, messages, answers, verdicts, members.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A channel of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Topic {
    /// The tenant's name in the lab.
    pub tenant: String,
    /// The channel.
    pub channel: String,
}

/// A position.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    /// 16 hexadecimal digits, as the server gave them.
    pub epoch: String,
    /// The number.
    pub seq: u64,
}

/// A message, as whoever published or received it knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Published {
    /// The message's id; `None` for an attempt whose id the server is to make.
    pub id: Option<String>,
    /// What the publisher wrote into the payload; no two messages of a run have the same.
    pub mark: String,
    /// The tenant that the payload names.
    pub of: Topic,
    /// A hash over the payload's text.
    pub hash: String,
}

/// How a publish was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Published, now or before: here it is.
    Acked {
        /// The message's id.
        id: String,
        /// Its position.
        position: At,
        /// Whether the server says that it was published before.
        duplicate: bool,
    },
    /// It was certainly not published by this attempt.
    Refused {
        /// The stable code of the refusal.
        code: String,
    },
    /// Nobody can say.
    Unknown {
        /// The ids to repeat it under, if the server gave any.
        ids: Vec<String>,
        /// The code, or what became of the connection.
        why: String,
    },
}

/// Whether everything after a position follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "continuity", rename_all = "snake_case")]
pub enum Continuity {
    /// No position was offered.
    Fresh,
    /// Everything after it follows.
    Kept,
    /// As kept, but that what was acknowledged after `forked_at` may be lost.
    Forked {
        /// The last position of the old epoch that is still true; `None` if the server did not say.
        forked_at: Option<At>,
    },
    /// Continuity cannot be proved.
    Lost {
        /// Why; `None` if the server did not say.
        reason: Option<LostReason>,
    },
}

/// Why continuity is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostReason {
    /// Evicted.
    TooOld,
    /// The client saw messages that were lost.
    Diverged,
    /// The epoch is not in the lineage.
    UnknownEpoch,
}

/// Why messages were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The client reads too slowly.
    Slow,
    /// Newer values of the same keys follow.
    Conflated,
    /// The publisher excluded this connection.
    Excluded,
}

/// What a subscriber is told of its position, by `subscribed` or by `continuity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The verdict.
    #[serde(flatten)]
    pub continuity: Continuity,
    /// Where the subscriber stands now.
    pub from: Option<At>,
    /// The channel's last position at that moment.
    pub head: Option<At>,
}

/// One presence entry: a member on a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// The member id.
    pub member: String,
    /// The connection.
    pub connection: String,
}

/// The number of a change of members.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision {
    /// The numbering.
    pub epoch: String,
    /// The number within it.
    pub number: u64,
}

/// What a change of members was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceKind {
    /// An entry came.
    Entered,
    /// An entry's data changed.
    Updated,
    /// An entry went.
    Left,
}

// === impl At ===

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

// === impl Topic ===

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.channel)
    }
}
