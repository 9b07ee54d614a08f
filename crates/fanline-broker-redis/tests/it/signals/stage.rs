//! Nodes that send and hear signals through one Redis.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::{BootId, BrokerError, Feed, Signal, SignalHandler, Signals};
use fanline_broker_redis::{
    InstallationId, RedisBroker, RedisConfig, RedisSignals, SignalKey, SignalSender, SignalStats,
};
use fanline_model::{AppId, ManualClock, NodeId, SystemRandom, Timestamp};
use fanline_testkit::contract::ear::Ear;
use fanline_testkit::contract::signals::SignalsHarness;
use fanline_testkit::redis::RedisServer;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long anything may take before a test gives up.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// The shard channel of signals, as `fixtures/redis-keys.txt` has it.
pub(super) const SHARD_CHANNEL: &str = "fl1:{p1567}:signals";

/// How a node differs from others of its installation.
pub(super) struct Differing {
    pub(super) installation: u8,
    pub(super) key: SignalKey,
    pub(super) clock: Arc<ManualClock>,
}

/// One node.
pub(super) struct Node {
    pub(super) broker: Arc<RedisBroker>,
    pub(super) signals: Arc<RedisSignals>,
    pub(super) heard: Arc<Listener>,
    /// End with the node.
    _tasks: JoinSet<()>,
}

/// Remembers what it heard.
#[derive(Default)]
pub(super) struct Listener {
    heard: Mutex<Vec<Signal>>,
    news: Notify,
}

// === impl Differing ===

impl Default for Differing {
    fn default() -> Self {
        Self {
            installation: 1,
            key: SignalKey::new(1, [1; 32]),
            clock: clock(),
        }
    }
}

pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_secs(1_764_000_000)))
}

/// A signal unlike any other.
pub(super) fn signal() -> Signal {
    Signal::AppChanged {
        app: AppId::generate(&SystemRandom),
        revision: 7,
    }
}

// === impl Node ===

impl Node {
    /// A node like any other of the installation, which hears the others already.
    pub(super) async fn start(addresses: Vec<String>) -> Self {
        let node = Self::open(addresses, Differing::default(), Arc::new(Ear::default()));
        node.hears_others().await;
        node
    }

    pub(super) fn open(addresses: Vec<String>, differing: Differing, feed: Arc<dyn Feed>) -> Self {
        let config = RedisConfig {
            nodes: addresses,
            retry_budget: Duration::from_secs(15),
            ..RedisConfig::default()
        };
        let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 1_000));
        broker.set_feed(feed);
        let us = SignalSender {
            installation: InstallationId([differing.installation; 16]),
            node: NodeId::generate(&SystemRandom),
            boot: BootId::generate(&SystemRandom),
            key: differing.key,
        };
        let signals = Arc::new(broker.signals(us, differing.clock));
        let heard = Arc::new(Listener::default());
        signals.listen(Arc::clone(&heard) as _);
        let mut tasks = JoinSet::new();
        let (running, hearing) = (Arc::clone(&broker), Arc::clone(&signals));
        tasks.spawn(async move { running.run(std::future::pending()).await });
        tasks.spawn(async move { hearing.run(std::future::pending()).await });
        Self {
            broker,
            signals,
            heard,
            _tasks: tasks,
        }
    }

    pub(super) async fn hears_others(&self) {
        self.until(|stats| stats.hears).await;
    }

    /// Waits until this holds of the node's figures.
    pub(super) async fn until(&self, holds: impl Fn(SignalStats) -> bool) {
        let wait = async {
            while !holds(self.signals.stats()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "{:?}", self.signals.stats());
    }
}

// === impl Listener ===

impl Listener {
    pub(super) fn all(&self) -> Vec<Signal> {
        self.heard.lock().clone()
    }

    /// Waits until this signal is heard.
    pub(super) async fn hears(&self, signal: &Signal) {
        let wait = async {
            loop {
                let news = self.news.notified();
                if self.heard.lock().contains(signal) {
                    return;
                }
                news.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        assert!(waited.is_ok(), "the signal was not heard");
    }
}

impl SignalHandler for Listener {
    fn signal(&self, signal: &Signal) {
        self.heard.lock().push(signal.clone());
        self.news.notify_waiters();
    }
}

/// What the port's suite runs on.
pub(crate) struct Harness;

struct OnRedis {
    node: Node,
    /// Ends with the test.
    _server: RedisServer,
}

#[async_trait]
impl SignalsHarness for Harness {
    async fn start(&self) -> Arc<dyn Signals> {
        let server = RedisServer::start().await.unwrap();
        let node = Node::start(vec![server.address()]).await;
        Arc::new(OnRedis {
            node,
            _server: server,
        })
    }
}

#[async_trait]
impl Signals for OnRedis {
    async fn send(&self, signal: Signal) -> Result<(), BrokerError> {
        self.node.signals.send(signal).await
    }

    fn listen(&self, handler: Arc<dyn SignalHandler>) {
        self.node.signals.listen(handler);
    }
}
