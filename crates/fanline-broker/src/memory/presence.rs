//! Presence within one process.
//!
//! Sharded by channel with locks of its own. A change is told to the broker's feed while the channel's
//! presence is locked, so that changes are heard in the order of their revisions; the broker never takes
//! a lock of this module, so the order of locks is always presence, then broker.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ahash::RandomState;
use async_trait::async_trait;
use bytes::Bytes;
use fanline_model::{ConnectionId, Epoch, Timestamp, UserId};
use parking_lot::Mutex;

use super::broker::MemoryBroker;
use super::roster::Entries;
use crate::broker::ChannelId;
use crate::presence::{Entry, Presence, PresenceChange, PresenceError, PresenceRevision, Roster};

const SHARDS: usize = 64;

type Shard = HashMap<ChannelId, Entries, RandomState>;

/// Who is on a channel, beside a [`MemoryBroker`] whose feed hears the changes.
pub struct MemoryPresence {
    broker: Arc<MemoryBroker>,
    shards: Box<[Mutex<Shard>]>,
}

impl MemoryPresence {
    /// Nobody is anywhere yet. Clock, randomness, feed and what is followed are the broker's.
    pub fn new(broker: Arc<MemoryBroker>) -> Self {
        let shard = |_| Mutex::new(HashMap::with_hasher(broker.hasher().clone()));
        let shards = (0..SHARDS).map(shard).collect();
        Self { broker, shards }
    }

    fn shard(&self, channel: &ChannelId) -> &Mutex<Shard> {
        &self.shards[(self.broker.hash(channel) >> 32) as usize % SHARDS]
    }

    /// Acts on the entries of a channel after those that outlived their lease have left.
    fn with<R>(
        &self,
        channel: &ChannelId,
        act: impl FnOnce(&mut Entries, Timestamp) -> R,
    ) -> Option<R> {
        let mut shard = self.shard(channel).lock();
        let (now, entries) = (self.broker.clock().now(), shard.get_mut(channel)?);
        self.tell(channel, entries.reap(now));
        let answer = act(entries, now);
        self.drop_if_over(&mut shard, channel);
        Some(answer)
    }

    /// The numbering ends with the last entry, unless somebody here still counts on it.
    fn drop_if_over(&self, shard: &mut Shard, channel: &ChannelId) {
        let empty = shard.get(channel).is_some_and(Entries::is_empty);
        if empty && !self.broker.is_followed(channel) {
            shard.remove(channel);
        }
    }

    fn tell(&self, channel: &ChannelId, changes: impl IntoIterator<Item = PresenceChange>) {
        for change in changes {
            self.broker
                .tell(channel, |feed| feed.presence(channel, change));
        }
    }
}

#[async_trait]
impl Presence for MemoryPresence {
    async fn enter(
        &self,
        channel: &ChannelId,
        entry: Entry,
        lease: Duration,
        limit: usize,
    ) -> Result<PresenceChange, PresenceError> {
        let mut shard = self.shard(channel).lock();
        let now = self.broker.clock().now();
        let begin = || Entries::new(Epoch::generate(&**self.broker.random()));
        let entries = shard.entry(channel.clone()).or_insert_with(begin);
        self.tell(channel, entries.reap(now));
        let change = entries.enter(entry, now.plus(lease), limit);
        if let Ok(change) = &change {
            self.tell(channel, [change.clone()]);
        }
        self.drop_if_over(&mut shard, channel);
        change
    }

    async fn update(
        &self,
        channel: &ChannelId,
        member: &UserId,
        connection: ConnectionId,
        data: Option<Bytes>,
    ) -> Result<PresenceChange, PresenceError> {
        let update = |entries: &mut Entries, _| {
            let change = entries.update(member, connection, data)?;
            self.tell(channel, [change.clone()]);
            Ok(change)
        };
        self.with(channel, update)
            .unwrap_or(Err(PresenceError::NotEntered))
    }

    async fn leave(
        &self,
        channel: &ChannelId,
        member: &UserId,
        connection: ConnectionId,
    ) -> Result<Option<PresenceChange>, PresenceError> {
        let leave = |entries: &mut Entries, _| {
            let change = entries.leave(member, connection)?;
            self.tell(channel, [change.clone()]);
            Some(change)
        };
        Ok(self.with(channel, leave).flatten())
    }

    async fn refresh(
        &self,
        entries: &[(ChannelId, UserId, ConnectionId)],
        lease: Duration,
    ) -> Result<Vec<bool>, PresenceError> {
        let refresh = |(channel, member, connection): &(ChannelId, UserId, ConnectionId)| {
            let refresh = |entries: &mut Entries, now: Timestamp| {
                entries.refresh(member, *connection, now.plus(lease))
            };
            self.with(channel, refresh).unwrap_or(false)
        };
        Ok(entries.iter().map(refresh).collect())
    }

    async fn reap(&self) -> Result<usize, PresenceError> {
        let mut left = 0;
        for shard in &self.shards {
            let mut shard = shard.lock();
            let now = self.broker.clock().now();
            shard.retain(|channel, entries| {
                let changes = entries.reap(now);
                left += changes.len();
                self.tell(channel, changes);
                !entries.is_empty() || self.broker.is_followed(channel)
            });
        }
        Ok(left)
    }

    async fn roster(
        &self,
        channel: &ChannelId,
        after: Option<(UserId, ConnectionId)>,
        limit: usize,
    ) -> Result<Roster, PresenceError> {
        let page = self.with(channel, |entries, _| entries.page(after, limit));
        Ok(page.unwrap_or_else(nobody))
    }

    async fn members(&self, channel: &ChannelId) -> Result<usize, PresenceError> {
        Ok(self
            .with(channel, |entries, _| entries.members())
            .unwrap_or(0))
    }

    async fn revisions(
        &self,
        channels: &[ChannelId],
    ) -> Vec<Result<PresenceRevision, PresenceError>> {
        let revision = |channel| {
            let revision = self.with(channel, |entries, _| entries.revision());
            Ok(revision.unwrap_or(PresenceRevision::NONE))
        };
        channels.iter().map(revision).collect()
    }
}

/// A channel that nobody entered.
fn nobody() -> Roster {
    Roster {
        entries: Vec::new(),
        revision: PresenceRevision::NONE,
        members: 0,
        more: false,
    }
}
