//! The channels that this node follows: joined, fed, healed, released.
//!
//! It hears the broker ([`Feed`]) and hands messages to the listeners of each channel. It knows sessions
//! only as outboxes and never calls the broker from within a feed's lock.

mod feed;
mod listeners;
mod reader;
mod ring;
mod roster;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ahash::RandomState;
use fanline_broker::{Broker, BrokerError, ChannelId, Feed, PageLimit, Presence, PresenceChange};
use fanline_model::{AppId, Message, Retention};
use parking_lot::Mutex;

pub(crate) use self::feed::ChannelFeed;
pub(crate) use self::listeners::ListenerKey;
pub(crate) use self::reader::{Reader, Step, Welcome, begin, go_on};

/// How much of a log is read at once.
const PAGE: PageLimit = PageLimit {
    messages: 1_000,
    bytes: 256 * 1024,
};
/// How long a channel is followed after its last listener went.
const LINGER: Duration = Duration::from_secs(5);
/// Channels whose heads are compared in one call: many, because a broker asks for those that lie together at once,
/// and few enough for one that answers within the call.
const HEADS_AT_ONCE: usize = 16_384;
/// Locks of the registry.
const SHARDS: usize = 64;

type Shard = Mutex<HashMap<ChannelId, Arc<ChannelFeed>, RandomState>>;

/// The registry of followed channels.
pub(crate) struct Hub {
    pub(crate) broker: Arc<dyn Broker>,
    presence: Arc<dyn Presence>,
    hasher: RandomState,
    shards: Box<[Shard]>,
}

/// What the broker is given: it must not keep the engine alive.
pub(crate) struct HubFeed(pub(crate) Weak<Hub>);

// === impl Hub ===

impl Hub {
    pub(crate) fn new(broker: Arc<dyn Broker>, presence: Arc<dyn Presence>) -> Arc<Self> {
        let hasher = RandomState::new();
        let shards = (0..SHARDS)
            .map(|_| Mutex::new(HashMap::with_hasher(hasher.clone())))
            .collect();
        Arc::new(Self {
            broker,
            presence,
            hasher,
            shards,
        })
    }

    /// How many channels have a feed.
    pub(crate) fn followed(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    /// Counts a user in; the feed stays until [`Hub::part`]. It may not be followed yet.
    pub(crate) fn join(&self, id: &ChannelId, retention: Retention) -> Arc<ChannelFeed> {
        let mut shard = self.shard(id).lock();
        let feed = shard
            .entry(id.clone())
            .or_insert_with(|| Arc::new(ChannelFeed::new(id.clone(), retention)));
        feed.users.fetch_add(1, Ordering::AcqRel);
        feed.set_retention(retention);
        Arc::clone(feed)
    }

    /// Counts a user out. The feed lingers, so that a reload of a page follows nothing anew.
    pub(crate) fn part(&self, feed: &ChannelFeed, now: u64) {
        let _shard = self.shard(&feed.id).lock();
        feed.unused_since.store(now, Ordering::Release);
        feed.users.fetch_sub(1, Ordering::AcqRel);
    }

    /// Returns once the broker carries the channel to this node.
    pub(crate) async fn follow(
        self: &Arc<Self>,
        feed: &Arc<ChannelFeed>,
    ) -> Result<(), BrokerError> {
        if feed.is_live() {
            return Ok(());
        }
        if feed.follow(&*self.broker).await? == feed::Arrival::Heal {
            self.start_healing(Arc::clone(feed));
            feed.healed().await?;
        }
        Ok(())
    }

    /// Compares the feed with the log and closes what is missing; waits if somebody does it already.
    /// An error if it could not be closed yet.
    pub(crate) async fn heal(self: &Arc<Self>, feed: &Arc<ChannelFeed>) -> Result<(), BrokerError> {
        if feed.suspect() {
            // In a task of its own: the session that asks may end, or lose its patience, on the way.
            self.start_healing(Arc::clone(feed));
        }
        feed.healed().await
    }

    /// Begins to know who is on a channel, once somebody listens to its members.
    pub(crate) fn watch_members(self: &Arc<Self>, feed: &Arc<ChannelFeed>) {
        if feed.begin_members() {
            self.start_reading_members(Arc::clone(feed));
        }
    }

    /// How many live listeners a channel has on this node.
    pub(crate) fn listeners(&self, id: &ChannelId) -> usize {
        self.find(id).map_or(0, |feed| feed.listeners())
    }

    /// The channels of an app that have listeners on this node.
    pub(crate) fn occupied(&self, app: &AppId) -> Vec<(ChannelId, usize)> {
        let of_app = |feed: &Arc<ChannelFeed>| {
            let listeners = if feed.id.app == *app {
                feed.listeners()
            } else {
                0
            };
            (listeners > 0).then(|| (feed.id.clone(), listeners))
        };
        self.shards
            .iter()
            .flat_map(|shard| shard.lock().values().filter_map(of_app).collect::<Vec<_>>())
            .collect()
    }

    /// Releases what nobody used for the linger.
    pub(crate) async fn release_unused(&self, now: u64) {
        let linger = u64::try_from(LINGER.as_millis()).unwrap_or(u64::MAX);
        let unused = |feed: &&Arc<ChannelFeed>| {
            feed.users.load(Ordering::Acquire) == 0
                && now.saturating_sub(feed.unused_since.load(Ordering::Acquire)) >= linger
        };
        for shard in &self.shards {
            let idle: Vec<_> = shard.lock().values().filter(unused).cloned().collect();
            for feed in idle {
                if feed.unfollow(&*self.broker).await {
                    let mut shard = shard.lock();
                    // Somebody may have joined since; then the feed stays and is followed again.
                    if feed.users.load(Ordering::Acquire) == 0 {
                        shard.remove(&feed.id);
                    }
                }
            }
        }
    }

    /// Compares the heads of everything followed, so that a lost last message is found too.
    pub(crate) async fn compare_heads(self: &Arc<Self>) {
        let followed = self.live(|feed| feed.position().is_some());
        for feeds in followed.chunks(HEADS_AT_ONCE) {
            let ids: Vec<_> = feeds.iter().map(|feed| feed.id.clone()).collect();
            let heads = self.broker.heads(&ids).await;
            for (feed, head) in feeds.iter().zip(heads) {
                let Ok(head) = head else { continue };
                let behind = head.is_none_or(|head| feed.is_behind(&head));
                if behind && feed.suspect() {
                    feed.heal(&*self.broker).await;
                }
            }
        }
    }

    /// Compares the rosters of everything whose members are listened to: a lost leave is no ghost for ever.
    pub(crate) async fn compare_members(self: &Arc<Self>) {
        let watched = self.live(|feed| feed.watches_members());
        for feeds in watched.chunks(HEADS_AT_ONCE) {
            let ids: Vec<_> = feeds.iter().map(|feed| feed.id.clone()).collect();
            let revisions = self.presence.revisions(&ids).await;
            for (feed, revision) in feeds.iter().zip(revisions) {
                if revision.is_ok_and(|revision| feed.compare_members(revision)) {
                    self.start_reading_members(Arc::clone(feed));
                }
            }
        }
    }

    /// What is followed and is so.
    fn live(&self, is_so: impl Fn(&ChannelFeed) -> bool) -> Vec<Arc<ChannelFeed>> {
        let of_shard = |shard: &Shard| -> Vec<_> {
            let feeds = shard.lock();
            let feeds = feeds.values().filter(|feed| feed.is_live() && is_so(feed));
            feeds.cloned().collect()
        };
        self.shards.iter().flat_map(of_shard).collect()
    }

    fn find(&self, id: &ChannelId) -> Option<Arc<ChannelFeed>> {
        self.shard(id).lock().get(id).cloned()
    }

    fn shard(&self, id: &ChannelId) -> &Shard {
        let hash = usize::try_from(self.hasher.hash_one(id) >> 32).unwrap_or(0);
        &self.shards[hash % SHARDS]
    }

    fn start_healing(self: &Arc<Self>, feed: Arc<ChannelFeed>) {
        let hub = Arc::clone(self);
        tokio::spawn(async move { feed.heal(&*hub.broker).await });
    }

    fn start_reading_members(self: &Arc<Self>, feed: Arc<ChannelFeed>) {
        let hub = Arc::clone(self);
        tokio::spawn(async move { feed.read_members(&*hub.presence).await });
    }
}

// === impl HubFeed ===

impl Feed for HubFeed {
    fn message(&self, channel: &ChannelId, message: Arc<Message>) {
        let Some(hub) = self.0.upgrade() else { return };
        if let Some(feed) = hub.find(channel)
            && feed.arrive(message) == feed::Arrival::Heal
        {
            hub.start_healing(feed);
        }
    }

    fn presence(&self, channel: &ChannelId, change: PresenceChange) {
        let Some(hub) = self.0.upgrade() else { return };
        if let Some(feed) = hub.find(channel)
            && feed.presence(&change)
        {
            hub.start_reading_members(feed);
        }
    }

    fn disrupted(&self, channel: &ChannelId) {
        let Some(hub) = self.0.upgrade() else { return };
        let Some(feed) = hub.find(channel) else {
            return;
        };
        if feed.suspect_members() {
            hub.start_reading_members(Arc::clone(&feed));
        }
        if feed.suspect() {
            hub.start_healing(feed);
        }
    }
}
