//! One server whose clock tests move, one broker on it, and a look at what lies there.

use std::sync::Arc;
use std::time::Duration;

use fanline_broker::{Broker, ChannelId, Head, Outcome, Publish};
use fanline_broker_redis::{RedisBroker, RedisConfig};
use fanline_model::{AppId, Channel, Draft, MessageId, Payload, Retention, SystemRandom};
use fanline_testkit::redis::{MovableClock, RedisServer};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// What takes longer than this never comes.
const GENEROUS: Duration = Duration::from_secs(60);

pub(crate) struct Shelf {
    pub(crate) broker: Arc<RedisBroker>,
    pub(crate) clock: MovableClock,
    pub(crate) retention: Retention,
    app: AppId,
    connection: MultiplexedConnection,
    running: JoinHandle<()>,
    /// Last, so that it outlives what speaks to it.
    _server: RedisServer,
}

impl Shelf {
    pub(crate) async fn open() -> Self {
        let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
        let config = RedisConfig {
            nodes: vec![server.address()],
            ..RedisConfig::default()
        };
        let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 1_000));
        let running = {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move { broker.run(std::future::pending()).await })
        };
        Self {
            broker,
            clock,
            retention: Retention::default(),
            app: AppId::generate(&SystemRandom),
            connection: server.connect().await.unwrap(),
            running,
            _server: server,
        }
    }

    pub(crate) fn channel(&self, name: &str) -> ChannelId {
        ChannelId::new(self.app.clone(), Channel::parse(name).unwrap())
    }

    pub(crate) async fn publish(&self, channel: &ChannelId, drafts: Vec<Draft>) -> Vec<Outcome> {
        self.broker
            .publish(self.call(channel, drafts))
            .await
            .unwrap()
    }

    /// A publish of these drafts with nothing else asked.
    pub(crate) fn call(&self, channel: &ChannelId, drafts: Vec<Draft>) -> Publish {
        Publish {
            channel: channel.clone(),
            drafts,
            retention: self.retention,
            condition: None,
            retry: false,
            items_hash: None,
        }
    }

    pub(crate) async fn head(&self, channel: &ChannelId) -> Option<Head> {
        self.broker.head(channel).await.unwrap()
    }

    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> T {
        let mut connection = self.connection.clone();
        command.query_async(&mut connection).await.unwrap()
    }

    /// The keys that match.
    pub(crate) async fn keys(&self, pattern: &str) -> Vec<String> {
        self.ask(redis::cmd("KEYS").arg(pattern)).await
    }

    /// What the hash of the only channel holds, by the first letter of the fields; those of log entries have a seq
    /// instead, which begins with 0.
    pub(crate) async fn fields(&self) -> String {
        let [key] = self.keys("fl1:*:c:*").await.try_into().unwrap();
        let fields: Vec<Vec<u8>> = self.ask(redis::cmd("HKEYS").arg(key)).await;
        let mut letters: Vec<char> = fields
            .iter()
            .map(|field| match field.first() {
                Some(0) | None => '0',
                Some(letter) => char::from(*letter),
            })
            .collect();
        letters.sort_unstable();
        letters.into_iter().collect()
    }

    /// Waits until it is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let waiting = async {
            while !is_so().await {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = timeout(GENEROUS, waiting).await;
        assert!(waited.is_ok(), "never: {what}");
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A draft whose id the server made.
pub(crate) fn text(text: &str) -> Draft {
    Draft::new(MessageId::generate(&SystemRandom), Payload::text(text))
}

/// A draft whose id the publisher gave.
pub(crate) fn named(id: &str, text: &str) -> Draft {
    Draft::new(MessageId::parse(id).unwrap(), Payload::text(text))
}
