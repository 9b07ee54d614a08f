//! The broker port over the library, the cluster and the supervisor.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use fanline_broker::{
    Broker, BrokerError, ChannelId, Feed, Head, Outcome, Page, PageLimit, Publish, PublishError,
};
use fanline_model::{Epoch, MessageId, Random, Retention};
use parking_lot::RwLock;
use redis::Value;

use crate::cluster::{CallError, Cluster, LibrarySource};
use crate::config::RedisConfig;
use crate::connector::Connector;
use crate::keys;
use crate::library::{self, LIBRARY};
use crate::presence::{RedisPresence, change};
use crate::supervisor::{Ear, Supervisor};
use crate::topology::TopologyWatch;

/// Numbers, keeps and carries messages in Redis.
pub struct RedisBroker {
    random: Arc<dyn Random>,
    idempotency_records: usize,
    cluster: Arc<Cluster>,
    topology: Arc<TopologyWatch>,
    supervisor: Arc<Supervisor>,
    followed: Arc<Followed>,
}

/// What a broker has seen since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedisStats {
    /// Channels that this node wants to hear.
    pub followed: usize,
    /// Of these, how many are subscribed where their slot is served.
    pub subscribed: usize,
    /// Messages and changes of members that Redis carried to this node.
    pub messages: u64,
    /// Connections that were opened in place of a lost one.
    pub reconnects: u64,
}

/// The channels that this node follows, by their shard channel.
#[derive(Default)]
struct Followed {
    channels: RwLock<HashMap<Bytes, ChannelId>>,
    feed: OnceLock<Arc<dyn Feed>>,
}

impl RedisBroker {
    /// A broker that has not connected yet: [`RedisBroker::run`] does. A channel holds at most so many
    /// idempotency records.
    pub fn new(config: RedisConfig, random: Arc<dyn Random>, idempotency_records: usize) -> Self {
        let connector = Connector::new(config);
        let topology = TopologyWatch::new(connector.clone());
        let cluster = Cluster::new(
            connector.clone(),
            Arc::clone(&topology),
            LibrarySource { code: LIBRARY },
        );
        let followed = Arc::new(Followed::default());
        let suspect = {
            let topology = Arc::clone(&topology);
            Box::new(move || topology.suspect())
        };
        let supervisor = Supervisor::new(
            connector,
            topology.subscribe(),
            suspect,
            Arc::clone(&followed) as _,
        );
        Self {
            random,
            idempotency_records,
            cluster,
            topology,
            supervisor,
            followed,
        }
    }

    /// Says who hears what is followed. The first word counts; nothing is heard before it.
    pub fn set_feed(&self, feed: Arc<dyn Feed>) {
        if self.followed.feed.set(feed).is_err() {
            tracing::warn!("the broker has a feed already; the second one hears nothing");
        }
    }

    /// Keeps the view of the cluster and the subscriptions alive, until the shutdown.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        let topology = Arc::clone(&self.topology).run(std::future::pending());
        let supervisor = Arc::clone(&self.supervisor).run(std::future::pending());
        tokio::select! {
            () = topology => {}
            () = supervisor => {}
            () = shutdown => {}
        }
    }

    /// Who is on a channel, in the same Redis; followers hear of changes from this broker's feed.
    pub fn presence(&self) -> RedisPresence {
        RedisPresence::new(Arc::clone(&self.cluster), Arc::clone(&self.random))
    }

    /// Figures for metrics and tests.
    pub fn stats(&self) -> RedisStats {
        let counters = self.supervisor.counters();
        RedisStats {
            followed: counters.wanted,
            subscribed: counters.acknowledged,
            messages: counters.messages,
            reconnects: counters.reconnects,
        }
    }

    fn fresh(&self) -> Epoch {
        Epoch::generate(&*self.random)
    }

    fn wish(&self, channel: &ChannelId, key: &Bytes) -> Wish<'_> {
        let mut channels = self.followed.channels.write();
        let is_new = channels.insert(key.clone(), channel.clone()).is_none();
        Wish {
            broker: self,
            key: is_new.then(|| key.clone()),
        }
    }

    fn release(&self, key: &Bytes) {
        self.followed.channels.write().remove(key);
        self.supervisor.release(key);
    }
}

/// A following that does not stand yet. It is released when it fails, or when whoever asked lost their patience:
/// nobody would end it later. One that stood before stays as it was.
struct Wish<'a> {
    broker: &'a RedisBroker,
    key: Option<Bytes>,
}

impl Wish<'_> {
    fn keep(mut self) {
        self.key = None;
    }
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.broker.release(key);
        }
    }
}

#[async_trait]
impl Broker for RedisBroker {
    async fn publish(&self, publish: Publish) -> Result<Vec<Outcome>, PublishError> {
        let key = keys::channel(&publish.channel);
        let call = library::publish(key, &publish, self.fresh(), self.idempotency_records);
        let ids = || {
            publish
                .drafts
                .iter()
                .map(|draft| draft.id.clone())
                .collect()
        };
        match self.cluster.call(call).await {
            Ok(answer) => library::outcomes(&answer, publish.condition.as_ref())
                .filter(|outcomes| outcomes.len() == publish.drafts.len())
                .ok_or_else(|| {
                    no_answer(&publish.channel);
                    PublishError::OutcomeUnknown(ids())
                }),
            Err(CallError::Unavailable) => Err(BrokerError::Unavailable.into()),
            Err(CallError::Unknown) => Err(PublishError::OutcomeUnknown(ids())),
            Err(CallError::Refused { code, detail }) => Err(refused(&publish, &code, &detail)),
        }
    }

    async fn follow(
        &self,
        channel: &ChannelId,
        retention: &Retention,
    ) -> Result<Option<Head>, BrokerError> {
        let key = keys::channel(channel);
        let wish = self.wish(channel, &key);
        self.supervisor.follow(key.clone()).await;
        let call = library::follow(key, self.fresh(), retention);
        let head = read(channel, self.cluster.call(call).await, library::head)?;
        wish.keep();
        Ok(head)
    }

    async fn unfollow(&self, channel: &ChannelId) {
        self.release(&keys::channel(channel));
    }

    async fn read(
        &self,
        channel: &ChannelId,
        after: u64,
        limit: PageLimit,
    ) -> Result<Option<Page>, BrokerError> {
        let call = library::read(keys::channel(channel), self.fresh(), after, limit);
        read(channel, self.cluster.call(call).await, library::page)
    }

    async fn state(&self, channel: &ChannelId) -> Result<Option<Page>, BrokerError> {
        let call = library::read_state(keys::channel(channel), self.fresh());
        read(channel, self.cluster.call(call).await, library::state)
    }

    async fn heads(&self, channels: &[ChannelId]) -> Result<Vec<Option<Head>>, BrokerError> {
        let call = |channel| {
            let key = keys::channel(channel);
            // Whoever follows a channel prolongs its life by asking.
            let follows = self.followed.channels.read().contains_key(&key);
            library::read_head(key, self.fresh(), follows)
        };
        let answers = self.cluster.call_each(channels.iter().map(call).collect());
        channels
            .iter()
            .zip(answers.await)
            .map(|(channel, answer)| read(channel, answer, library::head))
            .collect()
    }
}

impl Ear for Followed {
    fn message(&self, shard_channel: &[u8], payload: Bytes) {
        let Some(channel) = self.channels.read().get(shard_channel).cloned() else {
            return;
        };
        let Some(feed) = self.feed.get() else { return };
        if let Some(change) = change::decode(payload.clone()) {
            return feed.presence(&channel, change);
        }
        match library::carried(&payload) {
            Some(message) => feed.message(&channel, message),
            // The log is the truth: whatever this was, the comparison of heads finds it missing.
            None => feed.disrupted(&channel),
        }
    }

    fn interrupted(&self, shard_channels: &[Bytes]) {
        let Some(feed) = self.feed.get() else { return };
        for shard_channel in shard_channels {
            let channel = self.channels.read().get(shard_channel).cloned();
            if let Some(channel) = channel {
                feed.disrupted(&channel);
            }
        }
    }
}

/// The answer of a call that changes nothing, or that may be repeated.
fn read<T>(
    channel: &ChannelId,
    answer: Result<Value, CallError>,
    parse: impl Fn(&Value) -> Option<T>,
) -> Result<T, BrokerError> {
    let value = answer.map_err(|error| {
        if let CallError::Refused { code, detail } = error {
            tracing::error!(%channel, code, detail, "Redis refused to read");
        }
        BrokerError::Unavailable
    })?;
    parse(&value).ok_or_else(|| {
        no_answer(channel);
        BrokerError::Unavailable
    })
}

fn refused(publish: &Publish, code: &str, detail: &str) -> PublishError {
    match code {
        "FLMISMATCH" => match MessageId::parse(detail.trim()) {
            Ok(id) => PublishError::IdempotencyMismatch(id),
            Err(_) => BrokerError::Unavailable.into(),
        },
        "FLRECORDS" => PublishError::RecordsFull,
        "FLKEYS" => PublishError::KeysFull,
        _ => {
            tracing::error!(channel = %publish.channel, code, detail, "Redis refused a publish");
            BrokerError::Unavailable.into()
        }
    }
}

fn no_answer(channel: &ChannelId) {
    tracing::error!(%channel, "Redis answered in a form that this version does not know");
}
