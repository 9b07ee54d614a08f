//! What the suite needs of an implementation.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::{Broker, ChannelId, Feed};

/// Starts brokers of one implementation.
#[async_trait]
pub trait BrokerHarness: Send + Sync {
    /// A broker that hands what it carries to this feed.
    async fn start(&self, feed: Arc<dyn Feed>, setup: BrokerSetup) -> Arc<dyn BrokerUnderTest>;
}

/// The limits that a broker is started with.
#[derive(Clone, Copy, Debug)]
pub struct BrokerSetup {
    /// Channels of one app.
    pub channels: usize,
    /// Bytes of one app.
    pub replay_bytes: usize,
    /// Idempotency records of one channel.
    pub idempotency_records: usize,
}

/// A running broker.
#[async_trait]
pub trait BrokerUnderTest: Send + Sync {
    /// The port.
    fn broker(&self) -> &Arc<dyn Broker>;

    /// Lets time pass, and everything happen that is due in it.
    async fn advance(&self, by: Duration);

    /// How to make it fail, if it can be told to.
    fn faults(&self) -> Option<&dyn Faults>;
}

/// What can go wrong, on demand.
#[async_trait]
pub trait Faults: Send + Sync {
    /// A failover to a replica that has nothing after `at`.
    async fn fork(&self, channel: &ChannelId, at: u64);

    /// The next `count` logged messages are not carried, and nobody announces it.
    async fn lose_next(&self, channel: &ChannelId, count: usize);

    /// What is numbered up to `through` is evicted.
    async fn evict(&self, channel: &ChannelId, through: u64);

    /// The channel's metadata is gone.
    async fn forget(&self, channel: &ChannelId);

    /// Messages of the channel may have been missed, and that is announced.
    async fn disrupt(&self, channel: &ChannelId);
}

impl Default for BrokerSetup {
    fn default() -> Self {
        Self {
            channels: 1_000,
            replay_bytes: 16 * 1024 * 1024,
            idempotency_records: 1_000,
        }
    }
}
