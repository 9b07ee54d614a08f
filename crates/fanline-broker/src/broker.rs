//! The port that numbers, keeps and carries messages.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use fanline_model::{
    AppId, Channel, Draft, Epoch, Lineage, Message, MessageId, Position, Retention,
};

use crate::presence::PresenceChange;

/// A channel of an app. Nothing in this port reaches across apps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId {
    /// The app.
    pub app: AppId,
    /// The channel within it.
    pub channel: Channel,
}

/// One publish call: messages of one channel, in order, as one act.
#[derive(Clone, Debug)]
pub struct Publish {
    /// Where to.
    pub channel: ChannelId,
    /// What, in order. Ephemeral drafts are carried without being numbered or kept.
    pub drafts: Vec<Draft>,
    /// What the channel keeps.
    pub retention: Retention,
    /// What must hold, or nothing happens.
    pub condition: Option<Condition>,
    /// The caller repeats a call whose outcome it does not know: server-made ids are searched in the log.
    pub retry: bool,
    /// A hash over this channel's items, if the ids are the publisher's own: the same ids with another
    /// hash are [`PublishError::IdempotencyMismatch`].
    pub items_hash: Option<[u8; 16]>,
}

/// What a conditional publish asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The head is exactly this position.
    IfPosition(Position),
    /// The last value of the draft's key is not byte for byte this payload. Where the channel keeps no last values,
    /// the newest message with the key counts, if it is among the last thousands of the log.
    UnlessEqual,
    /// The version is greater than that of the last publish with a version.
    Version(u64),
}

/// What became of one draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Numbered, kept and carried. `None` where the namespace keeps no log, or the draft is ephemeral.
    Appended {
        /// Its place.
        position: Option<Position>,
    },
    /// The id was published before, within the idempotency window.
    Duplicate {
        /// The place it got then.
        position: Option<Position>,
    },
    /// The condition does not hold; nothing happened.
    Unchanged {
        /// Which condition.
        reason: UnchangedReason,
        /// The head as it stands.
        head: Option<Position>,
    },
}

/// Which condition did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnchangedReason {
    /// The head is elsewhere.
    Position,
    /// The last value is equal.
    Equal,
    /// The version is not newer.
    Version,
}

/// Where a channel stands, and how it came there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last message, or seq 0 (or the seq of the fork) if the epoch has none yet.
    pub position: Position,
    /// The epochs before.
    pub lineage: Lineage,
    /// The highest seq that can no longer be replayed; 0 if nothing was ever evicted.
    pub evicted_through: u64,
}

/// How much of the log to read at once. Whichever bound is met first ends the page, but never before
/// its first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageLimit {
    /// Messages.
    pub messages: usize,
    /// Bytes, by [`Draft::weight`].
    pub bytes: usize,
}

/// A page of the log, and the head of the same moment.
#[derive(Clone, Debug)]
pub struct Page {
    /// The head when the page was read.
    pub head: Head,
    /// Consecutive messages after the asked seq, oldest first. Empty if there are none, or if the first
    /// of them was evicted (compare [`Head::evicted_through`]).
    pub messages: Vec<Arc<Message>>,
}

/// Why nothing can be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// The broker is away; the retry budget is spent.
    #[error("the broker cannot be reached now")]
    Unavailable,
    /// The broker's own memory is full, for every app. What is kept can still be read and followed.
    #[error("the server has no room to keep more messages now; retry later, and tell its operator")]
    Full,
    /// The app holds as many channels or bytes as it may.
    #[error("the app holds as many channels or replay bytes as it may")]
    OverBudget,
}

/// Why a publish was not done. Except for `OutcomeUnknown` nothing was published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// An id of the call was recorded with another hash.
    #[error("message id {0} was published before with another body")]
    IdempotencyMismatch(MessageId),
    /// The channel holds as many idempotency records as it may; none is evicted early.
    #[error("the channel holds as many idempotency records as it may; retry after their window")]
    RecordsFull,
    /// The channel has as many keys as it may.
    #[error("the channel has as many keys as its namespace allows")]
    KeysFull,
    /// It may or may not have been published, or fewer replicas have it than
    /// [`Replicated`](fanline_model::Durability::Replicated) asks for: retry with the same ids.
    #[error(
        "it is not known whether the message was published, and kept as durably as its namespace asks; retry with its id"
    )]
    OutcomeUnknown(Vec<MessageId>),
    /// Nothing was done.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Numbers, keeps and carries the messages of channels.
///
/// **Order.** Per channel there is one total order. `seq` rises by exactly one per logged message and goes
/// on across a change of epoch; an epoch is drawn at random and changes whenever continuity cannot be
/// proved. Followers hear messages in that order, except after a disruption, which is announced.
///
/// **Truth.** Every answer that names a head is true at the moment it was given: no head is ever answered
/// that a later answer contradicts without another epoch.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Publishes: fence, dedupe, condition, number, append, notify, as one atomic act per call.
    ///
    /// Answers one [`Outcome`] per draft, in order. Either every draft that is not a duplicate is
    /// published, or (an error, or a condition that does not hold) none is. A record of an id lives for
    /// `idempotency_window`, independent of the log's trim, for ids that the publisher gave; ids that the
    /// server made are recorded only when a call says `retry` or names one again. Followers on this node
    /// may hear the message before the answer is given.
    ///
    /// **Durability.** What is answered is in the log: under [`Acked`](fanline_model::Durability::Acked) of the
    /// server that numbered it, under [`Replicated`](fanline_model::Durability::Replicated) of the configured number
    /// of replicas too; that is as true of what a [`Outcome::Duplicate`] names. Without enough replicas the answer is
    /// [`PublishError::OutcomeUnknown`], although followers may have heard the message: more may be delivered than
    /// was acknowledged. A publish of which nothing is kept waits for nobody. A broker without replicas takes
    /// both for `Acked`.
    async fn publish(&self, publish: Publish) -> Result<Vec<Outcome>, PublishError>;

    /// Begins to carry the channel's messages to this node's [`Feed`]. Returns once the broker has
    /// acknowledged it: every message after the returned head will be delivered or its loss announced.
    ///
    /// `None` where the retention keeps no log. Following twice is one following.
    async fn follow(
        &self,
        channel: &ChannelId,
        retention: &Retention,
    ) -> Result<Option<Head>, BrokerError>;

    /// Ends it. A message may still arrive shortly afterwards.
    async fn unfollow(&self, channel: &ChannelId);

    /// Reads the log after `seq`, with the head of the same moment. `None` if the channel keeps no log or
    /// was never heard of. Changes nothing but the lifetime of the position.
    async fn read(
        &self,
        channel: &ChannelId,
        after: u64,
        limit: PageLimit,
    ) -> Result<Option<Page>, BrokerError>;

    /// The last value of each key, in position order, and the head of the same moment.
    async fn state(&self, channel: &ChannelId) -> Result<Option<Page>, BrokerError>;

    /// The heads of many channels, one for each, in the order asked; `None` for one that keeps no log or is unknown.
    /// A part of the broker that is away takes the answers for its own channels away, and no others.
    async fn heads(&self, channels: &[ChannelId]) -> Vec<Result<Option<Head>, BrokerError>>;

    /// The head of one channel.
    async fn head(&self, channel: &ChannelId) -> Result<Option<Head>, BrokerError> {
        let head = self.heads(std::slice::from_ref(channel)).await.pop();
        head.unwrap_or(Err(BrokerError::Unavailable))
    }

    /// Whether, as far as this node can tell, calls are answered and what is followed is carried. False once
    /// that has failed for about a second for any part of the broker, true as soon as every part is back. A
    /// word to tell clients, cheap to ask for and never a reason not to try. What is within the process is
    /// always there.
    fn is_available(&self) -> bool {
        true
    }
}

/// Where a node hears what the broker carries to it. Calls for one channel never overlap, and must return
/// quickly: a lock of the broker may be held, so the broker must not be called from within.
pub trait Feed: Send + Sync + 'static {
    /// A message of a followed channel, in order.
    fn message(&self, channel: &ChannelId, message: Arc<Message>);

    /// Members of a followed channel changed.
    fn presence(&self, channel: &ChannelId, change: PresenceChange);

    /// Messages of the channel may have been missed: compare heads.
    fn disrupted(&self, channel: &ChannelId);
}

// === impl ChannelId ===

impl ChannelId {
    /// The channel of an app.
    pub fn new(app: AppId, channel: Channel) -> Self {
        Self { app, channel }
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.app, self.channel)
    }
}

// === impl Head ===

impl Head {
    /// A channel that has just begun.
    pub fn beginning(epoch: Epoch) -> Self {
        Self {
            position: Position::new(epoch, 0),
            lineage: Lineage::default(),
            evicted_through: 0,
        }
    }
}
