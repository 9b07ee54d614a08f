//! The broker itself: shards of channels, and the port over them.

use std::sync::{Arc, OnceLock};

use ahash::RandomState;
use async_trait::async_trait;
use fanline_model::{AppId, Clock, Random, Retention};
use parking_lot::Mutex;

use super::budget::{Budgets, Usage};
use super::channel::Channel;
use super::publish::{Surroundings, leaves_a_trace};
use super::shard::{Key, Opening, Shard};
use crate::broker::{
    Broker, BrokerError, ChannelId, Feed, Head, Outcome, Page, PageLimit, Publish, PublishError,
};

/// A power of two, well above the number of threads that publish at once.
const SHARDS: usize = 128;

/// What a [`MemoryBroker`] may hold. Every count is inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Channels of one app that have a log, a follower or something remembered.
    pub channels: usize,
    /// Bytes of one app's logs, last values and idempotency records together.
    pub replay_bytes: usize,
    /// Idempotency records of one channel.
    pub idempotency_records: usize,
}

/// Numbers, keeps and carries messages within one process.
pub struct MemoryBroker {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    limits: MemoryLimits,
    feed: OnceLock<Arc<dyn Feed>>,
    /// Keyed at random, so that nobody can choose names that fall into one shard or bucket.
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    budgets: Budgets,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            channels: 1_000_000,
            replay_bytes: 1024 * 1024 * 1024,
            idempotency_records: 100_000,
        }
    }
}

impl MemoryBroker {
    /// A broker that remembers nothing yet.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>, limits: MemoryLimits) -> Self {
        let hasher =
            RandomState::with_seeds(random.u64(), random.u64(), random.u64(), random.u64());
        let limit = Usage {
            channels: limits.channels,
            bytes: limits.replay_bytes,
        };
        Self {
            clock,
            random,
            limits,
            feed: OnceLock::new(),
            shards: (0..SHARDS)
                .map(|_| Mutex::new(Shard::new(hasher.clone())))
                .collect(),
            budgets: Budgets::new(limit, hasher.clone()),
            hasher,
        }
    }

    /// Says who hears what is followed. The first word counts; nothing is heard before it.
    pub fn set_feed(&self, feed: Arc<dyn Feed>) {
        if self.feed.set(feed).is_err() {
            tracing::warn!("the memory broker has a feed already; the second one hears nothing");
        }
    }

    /// Forgets what outlived its time. To be called about each second; it costs nothing for channels
    /// that have nothing due.
    pub fn sweep(&self) {
        let now = self.clock.now();
        for shard in &self.shards {
            shard.lock().sweep(now);
        }
        self.budgets.sweep();
    }

    /// What an app holds.
    pub fn usage(&self, app: &AppId) -> Usage {
        self.budgets.usage(app)
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(super) fn random(&self) -> &Arc<dyn Random> {
        &self.random
    }

    pub(super) fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    pub(super) fn shards(&self) -> &[Mutex<Shard>] {
        &self.shards
    }

    pub(super) fn feed(&self) -> Option<&dyn Feed> {
        self.feed.get().map(|feed| &**feed)
    }

    pub(super) fn hasher(&self) -> &RandomState {
        &self.hasher
    }

    /// Whether the feed hears the channel.
    pub(super) fn is_followed(&self, channel: &ChannelId) -> bool {
        let (key, now) = (self.key(channel), self.clock.now());
        self.shard(key)
            .lock()
            .with(key, now, |channel| channel.followed)
            .unwrap_or(false)
    }

    /// Tells the feed something about a followed channel, in order with its messages.
    pub(super) fn tell(&self, channel: &ChannelId, say: impl FnOnce(&dyn Feed)) {
        let (key, now) = (self.key(channel), self.clock.now());
        self.shard(key).lock().with(key, now, |channel| {
            if let (Some(feed), true) = (self.feed(), channel.followed) {
                say(feed);
            }
        });
    }

    pub(super) fn key<'a>(&self, id: &'a ChannelId) -> Key<'a> {
        Key {
            id,
            hash: self.hash(id),
        }
    }

    pub(super) fn shard(&self, key: Key<'_>) -> &Mutex<Shard> {
        // The table within the shard uses the lowest and the highest bits.
        &self.shards[(key.hash >> 32) as usize % SHARDS]
    }

    pub(super) fn hash(&self, id: &ChannelId) -> u64 {
        self.hasher.hash_one(id)
    }

    fn opening<'a>(&'a self, retention: &'a Retention) -> Opening<'a> {
        Opening {
            retention,
            random: &*self.random,
            budgets: &self.budgets,
        }
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn publish(&self, mut publish: Publish) -> Result<Vec<Outcome>, PublishError> {
        let drafts = std::mem::take(&mut publish.drafts);
        let key = self.key(&publish.channel);
        let around = Surroundings {
            now: self.clock.now(),
            feed: self.feed(),
            budgets: &self.budgets,
            records: self.limits.idempotency_records,
        };
        let mut shard = self.shard(key).lock();
        if leaves_a_trace(&publish, &drafts) {
            let opening = self.opening(&publish.retention);
            let act = |channel: &mut Channel| channel.publish(&publish, drafts, &around);
            return shard.with_or_open(key, around.now, &opening, act)?;
        }
        let nobody = vec![Outcome::Appended { position: None }; drafts.len()];
        let published = shard.with(key, around.now, |channel| {
            channel.apply(&publish.retention, &*self.random);
            channel.publish(&publish, drafts, &around)
        });
        published.unwrap_or(Ok(nobody))
    }

    async fn follow(
        &self,
        channel: &ChannelId,
        retention: &Retention,
    ) -> Result<Option<Head>, BrokerError> {
        let (key, now) = (self.key(channel), self.clock.now());
        let opening = self.opening(retention);
        self.shard(key)
            .lock()
            .with_or_open(key, now, &opening, |channel| {
                channel.followed = true;
                channel.touched = now;
                channel.head()
            })
    }

    async fn unfollow(&self, channel: &ChannelId) {
        let (key, now) = (self.key(channel), self.clock.now());
        self.shard(key).lock().with(key, now, |channel| {
            // Unfollowing what is not followed must not prolong a life.
            if std::mem::take(&mut channel.followed) {
                channel.touched = now;
            }
        });
    }

    async fn read(
        &self,
        channel: &ChannelId,
        after: u64,
        limit: PageLimit,
    ) -> Result<Option<Page>, BrokerError> {
        let (key, now) = (self.key(channel), self.clock.now());
        let page = self.shard(key).lock().with(key, now, |channel| {
            channel.touch(now);
            Some(Page {
                head: channel.head()?,
                messages: channel.log.after(after, limit),
            })
        });
        Ok(page.flatten())
    }

    async fn state(&self, channel: &ChannelId) -> Result<Option<Page>, BrokerError> {
        let (key, now) = (self.key(channel), self.clock.now());
        let page = self.shard(key).lock().with(key, now, |channel| {
            channel.touch(now);
            let values = channel.values.iter().filter(|(_, expires)| *expires > now);
            Some(Page {
                head: channel.head()?,
                messages: values.map(|(message, _)| Arc::clone(message)).collect(),
            })
        });
        Ok(page.flatten())
    }

    async fn heads(&self, channels: &[ChannelId]) -> Vec<Result<Option<Head>, BrokerError>> {
        let now = self.clock.now();
        let head = |channel: &ChannelId| {
            let key = self.key(channel);
            let head = self.shard(key).lock().with(key, now, |channel| {
                channel.touch(now);
                channel.head()
            });
            Ok(head.flatten())
        };
        channels.iter().map(head).collect()
    }
}
