//! A broker on a Redis server of its own, whose clock tests move.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::{Broker, Feed};
use fanline_broker_redis::{RedisBroker, RedisConfig};
use fanline_model::SystemRandom;
use fanline_testkit::contract::broker::{BrokerHarness, BrokerSetup, BrokerUnderTest, Faults};
use fanline_testkit::redis::{MovableClock, RedisServer};
use tokio::task::JoinHandle;

pub(crate) struct Harness;

struct OnRedis {
    /// Ends with the test.
    _server: RedisServer,
    clock: MovableClock,
    broker: Arc<dyn Broker>,
    running: JoinHandle<()>,
}

#[async_trait]
impl BrokerHarness for Harness {
    async fn start(&self, feed: Arc<dyn Feed>, setup: BrokerSetup) -> Arc<dyn BrokerUnderTest> {
        let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
        let config = RedisConfig {
            nodes: vec![server.address()],
            ..RedisConfig::default()
        };
        let broker = Arc::new(RedisBroker::new(
            config,
            Arc::new(SystemRandom),
            setup.idempotency_records,
        ));
        broker.set_feed(feed);
        let running = {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move { broker.run(std::future::pending()).await })
        };
        Arc::new(OnRedis {
            _server: server,
            clock,
            broker,
            running,
        })
    }
}

#[async_trait]
impl BrokerUnderTest for OnRedis {
    fn broker(&self) -> &Arc<dyn Broker> {
        &self.broker
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by).await.unwrap();
    }

    fn faults(&self) -> Option<&dyn Faults> {
        None
    }
}

impl Drop for OnRedis {
    fn drop(&mut self) {
        self.running.abort();
    }
}
