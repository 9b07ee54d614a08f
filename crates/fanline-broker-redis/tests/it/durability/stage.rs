//! A cluster of six, a broker on it, one channel, and what can happen to the channel's replica.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fanline_broker::{Broker, ChannelId, Outcome, PageLimit, Publish, PublishError};
use fanline_broker_redis::{RedisBroker, RedisConfig};
use fanline_model::{
    AppId, Channel, Draft, Durability, MessageId, Payload, Position, Retention, SystemRandom,
};
use fanline_testkit::redis::{Node, RedisCluster};
use redis::{FromRedisValue, Role};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// Longer than anything takes that must happen.
pub(super) const GENEROUS: Duration = Duration::from_secs(60);
/// How often to look.
const GLANCE: Duration = Duration::from_millis(20);

pub(super) struct Stage {
    pub(super) cluster: RedisCluster,
    pub(super) broker: Arc<RedisBroker>,
    pub(super) channel: ChannelId,
    running: JoinHandle<()>,
}

pub(super) fn patient() -> RedisConfig {
    RedisConfig {
        retry_budget: GENEROUS,
        ..RedisConfig::default()
    }
}

/// Gives up soon, so that a test can wait for it.
pub(super) fn hasty() -> RedisConfig {
    RedisConfig {
        retry_budget: Duration::from_millis(1_500),
        replicate_within: Duration::from_millis(200),
        ..RedisConfig::default()
    }
}

pub(super) fn replicated() -> Retention {
    Retention {
        durability: Durability::Replicated,
        ..Retention::default()
    }
}

pub(super) fn draft(text: &str) -> Draft {
    Draft::new(MessageId::generate(&SystemRandom), Payload::text(text))
}

pub(super) fn position(outcomes: &[Outcome]) -> Position {
    match outcomes {
        [
            Outcome::Appended {
                position: Some(position),
            }
            | Outcome::Duplicate {
                position: Some(position),
            },
        ] => *position,
        other => panic!("no position: {other:?}"),
    }
}

// === impl Stage ===

impl Stage {
    pub(super) async fn open(config: RedisConfig) -> Self {
        let cluster = RedisCluster::start().await.unwrap();
        let config = RedisConfig {
            nodes: cluster.addresses(),
            ..config
        };
        let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 10_000));
        let running = {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move { broker.run(std::future::pending()).await })
        };
        let app = AppId::generate(&SystemRandom);
        Self {
            cluster,
            broker,
            channel: ChannelId::new(app, Channel::parse("orders.1").unwrap()),
            running,
        }
    }

    pub(super) fn publish_of(&self, draft: &Draft, retention: Retention) -> Publish {
        Publish {
            channel: self.channel.clone(),
            drafts: vec![draft.clone()],
            retention,
            condition: None,
            retry: false,
            items_hash: None,
        }
    }

    pub(super) async fn publish(&self, draft: &Draft) -> Result<Vec<Outcome>, PublishError> {
        self.broker
            .publish(self.publish_of(draft, replicated()))
            .await
    }

    /// As a publisher does that was told "unknown".
    pub(super) async fn publish_again(&self, draft: &Draft) -> Result<Vec<Outcome>, PublishError> {
        let publish = Publish {
            retry: true,
            ..self.publish_of(draft, replicated())
        };
        self.broker.publish(publish).await
    }

    /// The ids in the log, as the primary of now has it.
    pub(super) async fn log(&self) -> HashSet<MessageId> {
        let all = PageLimit {
            messages: usize::MAX,
            bytes: usize::MAX,
        };
        let page = self.broker.read(&self.channel, 0, all).await.unwrap();
        let messages = page.unwrap().messages;
        messages
            .iter()
            .map(|message| message.draft.id.clone())
            .collect()
    }

    /// The primary that holds the only channel there is, and its replica.
    pub(super) async fn shard(&self) -> (Node, Node) {
        for node in self.cluster.nodes() {
            let keys: usize = self.ask(node, &["DBSIZE"]).await;
            if keys > 0 && matches!(self.role(node).await, Role::Primary { .. }) {
                return (node, self.cluster.replica_of(node).await.unwrap());
            }
        }
        panic!("no primary holds the channel");
    }

    pub(super) async fn role(&self, node: Node) -> Role {
        self.ask(node, &["ROLE"]).await
    }

    /// Whether a node, of whatever role, has a message in its memory.
    pub(super) async fn has(&self, node: Node, text: &str) -> bool {
        let mut connection = self.cluster.server(node).connect().await.unwrap();
        let () = redis::cmd("READONLY")
            .query_async(&mut connection)
            .await
            .unwrap();
        let mut scan = redis::cmd("SCAN");
        scan.arg(0).arg("COUNT").arg(1_000).arg("TYPE").arg("hash");
        let (_, keys): (u64, Vec<String>) = scan.query_async(&mut connection).await.unwrap();
        for key in keys {
            let mut values = redis::cmd("HVALS");
            let values: Vec<Vec<u8>> = values.arg(key).query_async(&mut connection).await.unwrap();
            let holds = |value: &Vec<u8>| value.windows(text.len()).any(|at| at == text.as_bytes());
            if values.iter().any(holds) {
                return true;
            }
        }
        false
    }

    /// Ends the replication link and lets none come again; both servers live.
    pub(super) async fn cut_link(&self, primary: Node) {
        let words = ["ACL", "SETUSER", "default", "-psync", "-sync"];
        let () = self.ask(primary, &words).await;
        let _: i64 = self
            .ask(primary, &["CLIENT", "KILL", "TYPE", "replica"])
            .await;
        let is_cut = async || match self.role(primary).await {
            Role::Primary { replicas, .. } => replicas.is_empty(),
            _ => false,
        };
        until(is_cut).await;
    }

    /// How often any server was asked to wait.
    pub(super) async fn waits(&self) -> u64 {
        let mut waits = 0;
        for node in self.cluster.nodes() {
            let statistics: String = self.ask(node, &["INFO", "commandstats"]).await;
            let calls = statistics.lines().find_map(|line| {
                let counts = line.strip_prefix("cmdstat_wait:calls=")?;
                counts.split(',').next()?.parse::<u64>().ok()
            });
            waits += calls.unwrap_or_default();
        }
        waits
    }

    pub(super) async fn ask<T: FromRedisValue>(&self, node: Node, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        command.arg(words);
        let mut connection = self.cluster.server(node).connect().await.unwrap();
        command.query_async(&mut connection).await.unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.running.abort();
    }
}

pub(super) async fn until(holds: impl AsyncFn() -> bool) {
    let looking = async {
        while !holds().await {
            sleep(GLANCE).await;
        }
    };
    timeout(GENEROUS, looking).await.unwrap();
}

/// The result, and how long it took.
pub(super) async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let before = Instant::now();
    let result = work.await;
    (result, before.elapsed())
}
