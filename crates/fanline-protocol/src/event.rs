//! What the engine tells a client, in the engine's words.

use std::sync::Arc;
use std::time::Duration;

use fanline_broker::{Entry, Outcome, PresenceChange, PresenceRevision};
use fanline_model::{
    Channel, CloseReason, ConnectionId, Limits, Message, MessageId, Position, Timestamp, UserId,
};

use crate::command::{Modes, Tag};
use crate::refusal::Refusal;

/// One thing the engine tells a client. A protocol that cannot say something writes no frame for it.
#[derive(Clone, Debug)]
pub enum Event {
    /// The session is open.
    Opened {
        /// The connection's id.
        connection: ConnectionId,
        /// What a later connection presents to keep the id (a MAC over id, app and subject).
        connection_key: Box<str>,
        /// Whether the id was kept from an earlier connection.
        kept: bool,
        /// The verified subject.
        subject: Option<UserId>,
        /// The app's limits.
        limits: Arc<Limits>,
        /// When the credential ends.
        expires_at: Option<Timestamp>,
        /// The `tag` of the command.
        tag: Tag,
    },
    /// The credential ends soon: refresh it.
    RenewBy {
        /// When it ends.
        expires_at: Timestamp,
        /// How long that is from now.
        within: Duration,
    },
    /// The credential was exchanged.
    Refreshed {
        /// When the new one ends.
        expires_at: Option<Timestamp>,
        /// The `tag` of the command.
        tag: Tag,
    },
    /// A subscription stands.
    Subscribed(SubscribedEvent),
    /// A message for this connection alone; what a channel carries goes through `Protocol::encode`.
    Message {
        /// The channel.
        channel: Channel,
        /// The message.
        message: Arc<Message>,
    },
    /// What `Subscribed` said of continuity has changed.
    Continuity {
        /// The channel.
        channel: Channel,
        /// The verdict.
        continuity: Continuity,
        /// Where the client stands now.
        from: Option<Position>,
        /// The head.
        head: Option<Position>,
    },
    /// Messages were left out by policy.
    Skipped {
        /// The channel.
        channel: Channel,
        /// How many.
        count: u64,
        /// The client's position after them.
        through: Position,
        /// Which policy.
        reason: SkipReason,
    },
    /// The position has reached the newest head that `Subscribed` or a later `Continuity` named.
    CaughtUp {
        /// The channel.
        channel: Channel,
    },
    /// A subscription ended: nothing of the channel follows until the next `Subscribed`.
    Unsubscribed {
        /// The channel.
        channel: Channel,
        /// Why.
        reason: UnsubscribeReason,
        /// The `tag` of the command; none if the server ended it.
        tag: Tag,
    },
    /// A publish was done.
    Published {
        /// The channel.
        channel: Channel,
        /// One result per item, in order.
        results: Vec<Published>,
        /// The `tag` of the command.
        tag: Tag,
    },
    /// A command without an answer of its own was done.
    Accepted {
        /// The `tag` of the command.
        tag: Tag,
    },
    /// A command was refused; nothing happened, except where the code says that it is not known.
    Refused {
        /// Why, and what to do.
        refusal: Refusal,
        /// The channel it was about.
        channel: Option<Channel>,
        /// The `tag` of the command.
        tag: Tag,
    },
    /// A page of a roster.
    PresencePage {
        /// The channel.
        channel: Channel,
        /// The entries of the page.
        entries: Vec<Arc<Entry>>,
        /// The revision it shows.
        revision: PresenceRevision,
        /// How many distinct members there are.
        members: usize,
        /// Whether it is the last page.
        last: bool,
        /// The `tag` of the command.
        tag: Tag,
    },
    /// Members changed.
    Presence {
        /// The channel.
        channel: Channel,
        /// The change.
        change: PresenceChange,
    },
    /// How many connections follow the channel.
    Occupancy {
        /// The channel.
        channel: Channel,
        /// The count.
        connections: u64,
    },
    /// The line was silent for the stated time: say something that the client's code sees.
    Idle,
    /// Something behind the server is away, or back: messages may come late.
    Degraded {
        /// Whether it is away.
        degraded: bool,
    },
    /// The connection is about to be closed.
    Ending {
        /// Why.
        reason: CloseReason,
        /// More about it, for the person at the other end.
        detail: Option<String>,
        /// When to come back.
        retry_after: Option<Duration>,
    },
}

/// A subscription that stands.
#[derive(Clone, Debug)]
pub struct SubscribedEvent {
    /// The channel.
    pub channel: Channel,
    /// What of it is granted.
    pub modes: Modes,
    /// The verdict on the position that was offered.
    pub continuity: Continuity,
    /// Where the client stands now; `None` where the channel keeps no log.
    pub from: Option<Position>,
    /// The head; `None` where the channel keeps no log.
    pub head: Option<Position>,
    /// Whether the channel is open by a preset only.
    pub open_by_preset: bool,
    /// The `tag` of the command; none if the server subscribed for the client.
    pub tag: Tag,
}

/// The one verdict on a position (PROTOCOL, Continuity).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// No position was offered.
    Fresh,
    /// Everything after the position follows.
    Kept,
    /// As kept, across a fork: messages acknowledged after it may be lost for everyone.
    Forked {
        /// The first fork's place: the last position of the offered epoch that survived.
        at: Position,
    },
    /// Continuity cannot be proved.
    Lost(LostReason),
}

/// Why continuity cannot be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LostReason {
    /// The messages after the position are no longer kept.
    TooOld,
    /// The client saw messages that the cluster lost.
    Diverged,
    /// The epoch is not one the channel remembers.
    UnknownEpoch,
}

/// Which policy left messages out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// The client reads too slowly.
    Slow,
    /// A newer message with the same key stands for them.
    Conflated,
    /// The publisher excluded this connection.
    Excluded,
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnsubscribeReason {
    /// The client asked.
    Requested,
    /// The credential no longer covers the channel.
    NotAllowed,
    /// The channel's rule changed.
    RuleChanged,
    /// What allowed it was taken back.
    Revoked,
    /// The server took it back on the app's behalf.
    Removed,
}

/// What became of one published item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The message's id.
    pub id: MessageId,
    /// What became of it.
    pub outcome: Outcome,
}

// === impl LostReason ===

impl LostReason {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooOld => "too_old",
            Self::Diverged => "diverged",
            Self::UnknownEpoch => "unknown_epoch",
        }
    }
}

// === impl SkipReason ===

impl SkipReason {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Conflated => "conflated",
            Self::Excluded => "excluded",
        }
    }
}

// === impl UnsubscribeReason ===

impl UnsubscribeReason {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::NotAllowed => "not_allowed",
            Self::RuleChanged => "rule_changed",
            Self::Revoked => "revoked",
            Self::Removed => "removed",
        }
    }
}
