//! The broker port over the library, the cluster and the supervisor.

mod followed;
mod heads;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fanline_broker::{
    Broker, BrokerError, ChannelId, Feed, Head, Outcome, Page, PageLimit, Publish, PublishError,
};
use fanline_model::{Clock, Durability, Epoch, Random, Retention};

use crate::cluster::{Cluster, Counters, LibrarySource};
use crate::config::RedisConfig;
use crate::connector::Connector;
use crate::keys;
use crate::library::{self, LIBRARY};
use crate::presence::RedisPresence;
use crate::signals::{RedisSignals, SignalSender};
use crate::supervisor::Supervisor;
use crate::sweeper::Sweeper;
use crate::topology::TopologyWatch;
use crate::vigil::Vigil;

use followed::Followed;
use refusal::{Fullness, published, read};

/// How often to try while nothing was reached yet.
const CONTACT: Duration = Duration::from_millis(250);

/// Numbers, keeps and carries messages in Redis.
pub struct RedisBroker {
    random: Arc<dyn Random>,
    idempotency_records: usize,
    connector: Connector,
    cluster: Arc<Cluster>,
    topology: Arc<TopologyWatch>,
    supervisor: Arc<Supervisor>,
    sweeper: Arc<Sweeper>,
    vigil: Vigil,
    followed: Arc<Followed>,
    fullness: Fullness,
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
    /// Calls that were begun: publishes, reads, presence.
    pub calls: u64,
    /// Attempts beyond a call's first: redirections and repetitions.
    pub retries: u64,
    /// Calls that ended, within their budget, without having been executed.
    pub unavailable: u64,
    /// Calls of which nobody knows whether they were executed, or whether enough replicas have them.
    pub unknown: u64,
    /// Publishes that a full Redis refused.
    pub refused_full: u64,
    /// How often replicas were waited for, once for each batch of publishes.
    pub replication_waits: u64,
    /// Of these, how often too few replicas acknowledged.
    pub replication_shortfalls: u64,
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
            connector.clone(),
            topology.subscribe(),
            suspect,
            Arc::clone(&followed) as _,
        );
        let sweeper = Arc::new(Sweeper::new(Arc::clone(&cluster), &*random));
        let vigil = Vigil::new(Arc::clone(&topology), Arc::clone(&supervisor));
        Self {
            random,
            idempotency_records,
            connector,
            vigil,
            cluster,
            topology,
            supervisor,
            sweeper,
            followed,
            fullness: Fullness::default(),
        }
    }

    /// Says who hears what is followed. The first word counts; nothing is heard before it.
    pub fn set_feed(&self, feed: Arc<dyn Feed>) {
        if self.followed.feed.set(feed).is_err() {
            tracing::warn!("the broker has a feed already; the second one hears nothing");
        }
    }

    /// Keeps the view of the cluster and the subscriptions alive and sweeps idle channels, until the shutdown.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        let topology = Arc::clone(&self.topology).run(std::future::pending());
        let supervisor = Arc::clone(&self.supervisor).run(std::future::pending());
        tokio::select! {
            () = topology => {}
            () = supervisor => {}
            _ = self.vigil.keep() => {}
            () = self.sweeper.run() => {}
            () = shutdown => {}
        }
    }

    /// Returns once every primary was reached and has the function library, and its subscriptions can stand.
    /// Until then `missing` hears what is not so yet.
    pub async fn first_contact(&self, missing: impl Fn(String) + Send) {
        let mut ticks = tokio::time::interval(CONTACT);
        loop {
            ticks.tick().await;
            match self.contact().await {
                Ok(()) => return,
                Err(what) => missing(what),
            }
        }
    }

    async fn contact(&self) -> Result<(), String> {
        if let Some(trouble) = self.topology.trouble() {
            return Err(trouble.to_string());
        }
        let greeted = self.cluster.greet().await;
        greeted.map_err(|error| error.to_string())?;
        if self.supervisor.is_whole() {
            Ok(())
        } else {
            Err("the subscriber connections to Redis are being opened".to_owned())
        }
    }

    /// Who is on a channel, in the same Redis; followers hear of changes from this broker's feed.
    pub fn presence(&self) -> RedisPresence {
        RedisPresence::new(Arc::clone(&self.cluster), Arc::clone(&self.random))
    }

    /// Signals through the same Redis, over connections of their own.
    pub fn signals(&self, us: SignalSender, clock: Arc<dyn Clock>) -> RedisSignals {
        let connector = self.connector.clone();
        RedisSignals::new(connector, Arc::clone(&self.topology), us, clock)
    }

    /// Figures for metrics and tests.
    pub fn stats(&self) -> RedisStats {
        let carried = self.supervisor.counters();
        let called = self.cluster.counters();
        RedisStats {
            followed: carried.wanted,
            subscribed: carried.acknowledged,
            messages: carried.messages,
            reconnects: carried.reconnects,
            calls: Counters::read(&called.calls),
            retries: Counters::read(&called.retries),
            unavailable: Counters::read(&called.unavailable),
            unknown: Counters::read(&called.unknown),
            refused_full: self.fullness.refusals(),
            replication_waits: Counters::read(&called.waits),
            replication_shortfalls: Counters::read(&called.shortfalls),
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
        let indexed = self.sweeper.before(&publish, &key).await;
        let indexed = indexed.map_err(|_| BrokerError::Unavailable)?;
        let call = library::publish(
            key.clone(),
            &publish,
            self.fresh(),
            self.idempotency_records,
        );
        let answer = self.cluster.call_durably(call, durability(&publish));
        let outcomes = published(&publish, answer.await, &self.fullness)?;
        if let Some(indexed) = indexed {
            self.sweeper.after(&publish, key, indexed, &outcomes);
        }
        Ok(outcomes)
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

    async fn heads(&self, channels: &[ChannelId]) -> Vec<Result<Option<Head>, BrokerError>> {
        heads::read(self, channels).await
    }

    fn is_available(&self) -> bool {
        self.vigil.is_available()
    }
}

/// What nobody keeps has nothing that a replica could have: it is only carried, and waits for nobody.
fn durability(publish: &Publish) -> Durability {
    let is_kept =
        publish.retention.history.is_some() && publish.drafts.iter().any(|draft| !draft.ephemeral);
    if is_kept {
        publish.retention.durability
    } else {
        Durability::Acked
    }
}
