//! The events. They say what was sent and heard, word for word, and nothing that was concluded from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::demand::{Expectation, Limit};
use super::word::{
    Answer, At, Member, PresenceKind, Published, Revision, SkipReason, Topic, Verdict,
};

/// What happened to an actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A publisher sends a message.
    PublishAttempt {
        /// Where to.
        topic: Topic,
        /// What.
        message: Published,
        /// The server it is sent to.
        node: String,
        /// The number of the attempt for this mark, from 1.
        attempt: u32,
    },
    /// What became of the last attempt for this mark.
    PublishAnswer {
        /// Where to.
        topic: Topic,
        /// Which message.
        mark: String,
        /// What was answered.
        #[serde(flatten)]
        answer: Answer,
    },
    /// A subscriber's connection is open.
    Connected {
        /// The server.
        node: String,
        /// The connection's id.
        connection: String,
    },
    /// A subscriber could not connect.
    ConnectFailed {
        /// The server.
        node: String,
        /// Why.
        why: String,
    },
    /// A subscription is asked for.
    Subscribing {
        /// The channel.
        topic: Topic,
        /// The last position that was applied, if one is offered.
        since: Option<At>,
    },
    /// The answer to [`Event::Subscribing`].
    Subscribed {
        /// The channel.
        topic: Topic,
        /// What the offered position is worth.
        #[serde(flatten)]
        verdict: Verdict,
    },
    /// The verdict changed while subscribed.
    Continuity {
        /// The channel.
        topic: Topic,
        /// What the position is worth now.
        #[serde(flatten)]
        verdict: Verdict,
    },
    /// A message came.
    Message {
        /// The channel it came on.
        topic: Topic,
        /// Its position; `None` without a log.
        position: Option<At>,
        /// What it is.
        message: Published,
    },
    /// Messages were left out.
    Skipped {
        /// The channel.
        topic: Topic,
        /// How many.
        count: u64,
        /// The last of them.
        through: At,
        /// Why.
        reason: SkipReason,
    },
    /// All that was missed has come.
    CaughtUp {
        /// The channel.
        topic: Topic,
    },
    /// A subscription ended, or was refused.
    Unsubscribed {
        /// The channel.
        topic: Topic,
        /// Why.
        reason: String,
    },
    /// The right to a subscriber's channel was taken; it offers its position once more, to be refused.
    RightLost {
        /// The channel.
        topic: Topic,
    },
    /// A subscriber's connection is gone.
    Disconnected {
        /// The close code; 1006 if the line just broke.
        code: u16,
        /// The close reason, or what happened to the line.
        reason: String,
        /// Whether the subscriber cut it itself.
        by_us: bool,
    },
    /// A frame that no client can read.
    Unreadable {
        /// Its text.
        text: String,
    },
    /// A subscriber or member ends because the run does, and owes nothing any more.
    Stopped,
    /// A member enters; the answer is the next event of its actor.
    Entering {
        /// The channel.
        topic: Topic,
        /// Who.
        member: Member,
    },
    /// A member is present.
    Present {
        /// The channel.
        topic: Topic,
        /// Who.
        member: Member,
    },
    /// A member asks to leave.
    Leaving {
        /// The channel.
        topic: Topic,
        /// Who.
        member: Member,
    },
    /// A member is gone by its own word.
    Gone {
        /// The channel.
        topic: Topic,
        /// Who.
        member: Member,
    },
    /// A member falls silent for ever, without a word: its lease runs out.
    Died {
        /// The channel.
        topic: Topic,
        /// Who.
        member: Member,
    },
    /// A member's lease was found ended when it was to be renewed; it enters again.
    LeaseLost {
        /// The channel.
        topic: Topic,
        /// Who.
        member: Member,
    },
    /// A presence call failed; it may or may not have been done.
    PresenceFailed {
        /// The channel.
        topic: Topic,
        /// Who.
        member: Member,
        /// Why.
        why: String,
    },
    /// A watcher heard of a change of members.
    PresenceChanged {
        /// The channel.
        topic: Topic,
        /// What it was.
        kind: PresenceKind,
        /// Who.
        member: Member,
        /// Whether it is the member's first entry that came, or the last one that went.
        edge: bool,
        /// The revision that the change made.
        revision: Revision,
    },
    /// A watcher read the whole roster.
    Roster {
        /// The channel.
        topic: Topic,
        /// Who is there.
        members: Vec<Member>,
        /// The revision that this shows.
        revision: Revision,
    },
    /// The auditor asked, when all was quiet, where a channel stands.
    FinalHead {
        /// The channel.
        topic: Topic,
        /// Its head; `None` for a channel that was never used.
        head: Option<At>,
    },
    /// The auditor read this in the log, when all was quiet.
    Logged {
        /// The channel.
        topic: Topic,
        /// The message's position.
        position: At,
        /// What it is.
        message: Published,
    },
    /// The auditor asked what a position of an epoch is worth now.
    Lineage {
        /// The channel.
        topic: Topic,
        /// The position that was asked about.
        since: At,
        /// The verdict.
        #[serde(flatten)]
        verdict: Verdict,
    },
    /// What the scenario allows a time to be.
    Limit(Limit),
    /// What the scenario must have shown.
    Expectation(Expectation),
    /// A server's metrics are no longer what they were at the last look.
    Metrics {
        /// The server.
        node: String,
        /// Those that are looked at, by name.
        values: BTreeMap<String, u64>,
    },
    /// The lab itself was kept waiting by its machine, up to now.
    StoodStill {
        /// For how long.
        millis: u64,
    },
    /// A phase of the run begins.
    Phase {
        /// Its name.
        name: String,
    },
    /// A fault begins.
    FaultBegins {
        /// What is done, to whom.
        what: String,
    },
    /// A fault is over.
    FaultEnds {
        /// What was done.
        what: String,
    },
    /// Something worth a line in the timeline.
    Note {
        /// What.
        text: String,
    },
    /// Not all was quiet in time.
    NotQuiet {
        /// What was still missing.
        why: String,
    },
}

// === impl Event ===

impl Event {
    /// The channel it is about, if it is about one.
    #[must_use]
    pub const fn topic(&self) -> Option<&Topic> {
        match self {
            Self::PublishAttempt { topic, .. }
            | Self::PublishAnswer { topic, .. }
            | Self::Subscribing { topic, .. }
            | Self::Subscribed { topic, .. }
            | Self::Continuity { topic, .. }
            | Self::Message { topic, .. }
            | Self::Skipped { topic, .. }
            | Self::CaughtUp { topic }
            | Self::Unsubscribed { topic, .. }
            | Self::RightLost { topic }
            | Self::Entering { topic, .. }
            | Self::Present { topic, .. }
            | Self::Leaving { topic, .. }
            | Self::Gone { topic, .. }
            | Self::Died { topic, .. }
            | Self::LeaseLost { topic, .. }
            | Self::PresenceFailed { topic, .. }
            | Self::PresenceChanged { topic, .. }
            | Self::Roster { topic, .. }
            | Self::FinalHead { topic, .. }
            | Self::Logged { topic, .. }
            | Self::Lineage { topic, .. } => Some(topic),
            Self::Connected { .. }
            | Self::ConnectFailed { .. }
            | Self::Disconnected { .. }
            | Self::Unreadable { .. }
            | Self::Stopped
            | Self::Limit(_)
            | Self::Expectation(_)
            | Self::Metrics { .. }
            | Self::StoodStill { .. }
            | Self::Phase { .. }
            | Self::FaultBegins { .. }
            | Self::FaultEnds { .. }
            | Self::Note { .. }
            | Self::NotQuiet { .. } => None,
        }
    }
}
