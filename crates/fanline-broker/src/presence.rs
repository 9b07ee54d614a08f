//! The port that knows who is on a channel.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fanline_model::{ConnectionId, Epoch, UserId};

use crate::broker::{BrokerError, ChannelId};

/// One connection's presence on a channel. A member is every entry with one member id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who, verified: token subject, sign-in, or signed `channel_data`.
    pub member: UserId,
    /// On which connection.
    pub connection: ConnectionId,
    /// What a credential vouches for (JSON text).
    pub info: Option<Bytes>,
    /// The client's own word (JSON text).
    pub data: Option<Bytes>,
}

/// The number of a change of members, kept with the channel. A jump, or another epoch, means: read the
/// roster again. Number 1 is an entry into an empty roster; an epoch that follows another one goes on counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceRevision {
    /// The channel's presence numbering.
    pub epoch: Epoch,
    /// The number of the change.
    pub number: u64,
}

/// What changed, with the revision it made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresenceChange {
    /// An entry came.
    Entered {
        /// The entry.
        entry: Arc<Entry>,
        /// Whether it is the member's first.
        first: bool,
        /// The revision this change made.
        revision: PresenceRevision,
    },
    /// An entry's data changed.
    Updated {
        /// The entry as it is now.
        entry: Arc<Entry>,
        /// The revision this change made.
        revision: PresenceRevision,
    },
    /// An entry went.
    Left {
        /// The entry as it was.
        entry: Arc<Entry>,
        /// Whether it was the member's last.
        last: bool,
        /// The revision this change made.
        revision: PresenceRevision,
    },
}

/// A page of a channel's entries, ordered by member and connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    /// The entries of this page.
    pub entries: Vec<Arc<Entry>>,
    /// The revision the page shows. A later page with another revision: begin again.
    pub revision: PresenceRevision,
    /// How many distinct members there are in all.
    pub members: usize,
    /// Whether more pages follow.
    pub more: bool,
}

/// Why a presence call was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PresenceError {
    /// The channel has as many members as it may.
    #[error("the channel has as many members as it may ({0})")]
    Full(usize),
    /// There is no entry of that member and connection to update.
    #[error("this connection has not entered the channel")]
    NotEntered,
    /// Nothing was done.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Who is on a channel: entries with leases.
///
/// Every entry that is not refreshed within its lease leaves; every leave happens exactly once, whoever
/// notices. A first entry of a member is its join, a last one its leave. Counts are O(1).
#[async_trait]
pub trait Presence: Send + Sync + 'static {
    /// Adds or replaces the entry of (member, connection) and starts its lease. `limit` bounds distinct
    /// members; a further connection of a present member is never refused.
    async fn enter(
        &self,
        channel: &ChannelId,
        entry: Entry,
        lease: Duration,
        limit: usize,
    ) -> Result<PresenceChange, PresenceError>;

    /// Replaces the client's own `data`; vouched `info` stays.
    async fn update(
        &self,
        channel: &ChannelId,
        member: &UserId,
        connection: ConnectionId,
        data: Option<Bytes>,
    ) -> Result<PresenceChange, PresenceError>;

    /// Ends the entry now. `None` if there was none.
    async fn leave(
        &self,
        channel: &ChannelId,
        member: &UserId,
        connection: ConnectionId,
    ) -> Result<Option<PresenceChange>, PresenceError>;

    /// Prolongs leases; entries that are gone are answered, in order, with `false`.
    async fn refresh(
        &self,
        entries: &[(ChannelId, UserId, ConnectionId)],
        lease: Duration,
    ) -> Result<Vec<bool>, PresenceError>;

    /// Ends what outlived its lease. Called from time to time by every node; answers how many left.
    async fn reap(&self) -> Result<usize, PresenceError>;

    /// Entries after (member, connection), in order, at most `limit`.
    async fn roster(
        &self,
        channel: &ChannelId,
        after: Option<(UserId, ConnectionId)>,
        limit: usize,
    ) -> Result<Roster, PresenceError>;

    /// How many distinct members there are.
    async fn members(&self, channel: &ChannelId) -> Result<usize, PresenceError>;

    /// The last revision of many channels, one for each, in the order asked: what their rosters would show now. Of
    /// a channel that nobody entered the epoch is none.
    async fn revisions(
        &self,
        channels: &[ChannelId],
    ) -> Vec<Result<PresenceRevision, PresenceError>>;
}

// === impl PresenceRevision ===

impl PresenceRevision {
    /// Of a channel that nobody entered; whoever enters next begins a numbering.
    pub const NONE: Self = Self {
        epoch: Epoch::NONE,
        number: 0,
    };
}

// === impl PresenceChange ===

impl PresenceChange {
    /// The revision that the change made.
    #[must_use]
    pub fn revision(&self) -> PresenceRevision {
        match self {
            Self::Entered { revision, .. }
            | Self::Updated { revision, .. }
            | Self::Left { revision, .. } => *revision,
        }
    }
}
