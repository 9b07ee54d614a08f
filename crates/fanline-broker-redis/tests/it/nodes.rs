//! The registry of nodes on a Redis server of its own, whose clock tests move.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::{BootId, NodeInfo, NodeState, Nodes};
use fanline_broker_redis::{InstallationId, RedisBroker, RedisConfig, SignalKey, SignalSender};
use fanline_model::{NodeId, SystemClock, SystemRandom};
use fanline_testkit::contract::nodes::{NodesHarness, NodesUnderTest};
use fanline_testkit::redis::{MovableClock, RedisServer};
use tokio::task::JoinHandle;

/// The registry, as `fixtures/redis-keys.txt` has it.
const KEY: &str = "fl1:{p1567}:nodes";

struct Harness;

struct OnRedis {
    server: RedisServer,
    clock: MovableClock,
    nodes: Arc<dyn Nodes>,
    running: JoinHandle<()>,
}

impl OnRedis {
    async fn open() -> Self {
        let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
        let config = RedisConfig {
            nodes: vec![server.address()],
            ..RedisConfig::default()
        };
        let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 1_000));
        let us = SignalSender {
            installation: InstallationId([1; 16]),
            node: NodeId::generate(&SystemRandom),
            boot: BootId::generate(&SystemRandom),
            key: SignalKey::new(1, [1; 32]),
        };
        let nodes = broker.signals(us, Arc::new(SystemClock)).nodes();
        let running = tokio::spawn(async move { broker.run(std::future::pending()).await });
        Self {
            server,
            clock,
            nodes: Arc::new(nodes),
            running,
        }
    }

    async fn ask<T: redis::FromRedisValue>(&self, command: &str) -> T {
        let mut connection = self.server.connect().await.unwrap();
        let mut command = redis::cmd(command);
        command.arg(KEY).query_async(&mut connection).await.unwrap()
    }
}

#[async_trait]
impl NodesHarness for Harness {
    async fn start(&self) -> Arc<dyn NodesUnderTest> {
        Arc::new(OnRedis::open().await)
    }
}

#[async_trait]
impl NodesUnderTest for OnRedis {
    fn nodes(&self) -> &Arc<dyn Nodes> {
        &self.nodes
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by).await.unwrap();
    }
}

impl Drop for OnRedis {
    fn drop(&mut self) {
        self.running.abort();
    }
}

mod port {
    fanline_testkit::nodes_contract!(crate::nodes::Harness);
}

fn node() -> NodeInfo {
    NodeInfo {
        id: NodeId::generate(&SystemRandom),
        boot: BootId::generate(&SystemRandom),
        name: "one".to_owned(),
        version: "1.2.3".to_owned(),
        roles: Vec::new(),
        uptime: Duration::ZERO,
        state: NodeState::Ready,
        sessions: 0,
        followed: 0,
        key_versions: Vec::new(),
        addresses: [].into(),
    }
}

#[tokio::test]
async fn nodes_that_never_came_back_do_not_heap_up() {
    let registry = OnRedis::open().await;
    let lease = Duration::from_secs(10);
    for _ in 0..20 {
        registry.nodes.announce(&node(), lease).await.unwrap();
        registry.advance(Duration::from_secs(5)).await;
    }
    let fields: usize = registry.ask("HLEN").await;
    // Those within their lease, those that ended since they were last removed, and when that was.
    assert!(fields <= 6, "{fields} fields");
}

#[tokio::test]
async fn nothing_is_left_of_an_installation_that_is_gone() {
    let registry = OnRedis::open().await;
    let lease = Duration::from_secs(10);
    registry.nodes.announce(&node(), lease).await.unwrap();
    let exists: bool = registry.ask("EXISTS").await;
    assert!(exists);
    registry.advance(Duration::from_secs(71)).await;
    let exists: bool = registry.ask("EXISTS").await;
    assert!(!exists);
}

#[tokio::test]
async fn a_node_that_cannot_be_read_does_not_hide_the_others() {
    let registry = OnRedis::open().await;
    let known = node();
    let lease = Duration::from_secs(10);
    registry.nodes.announce(&known, lease).await.unwrap();
    let mut connection = registry.server.connect().await.unwrap();
    // A lease that never ends, and nothing behind its head.
    let strange = [&[0xFF_u8; 7][..], &[0; 25]].concat();
    let mut command = redis::cmd("HSET");
    command.arg(KEY).arg("Nstrange").arg(strange);
    let () = command.query_async(&mut connection).await.unwrap();
    let listed = registry.nodes.list().await.unwrap();
    let infos: Vec<_> = listed.into_iter().map(|node| node.info).collect();
    assert_eq!(infos, [known]);
}
