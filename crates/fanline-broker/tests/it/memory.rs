//! The harness of the in-memory reference: a clock that tests move, and a sweep after each move.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::memory::{MemoryBroker, MemoryLimits, MemoryPresence, MemorySignals};
use fanline_broker::{Broker, ChannelId, Feed, Presence, Signals};
use fanline_model::{ManualClock, SystemRandom, Timestamp};
use fanline_testkit::contract::broker::{BrokerHarness, BrokerSetup, BrokerUnderTest, Faults};
use fanline_testkit::contract::presence::{PresenceHarness, PresenceUnderTest};
use fanline_testkit::contract::signals::SignalsHarness;

pub(crate) struct Harness;

/// One process.
pub(crate) struct Memory {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) broker: Arc<MemoryBroker>,
    broker_port: Arc<dyn Broker>,
    presence_port: Arc<dyn Presence>,
}

impl Memory {
    pub(crate) fn start(feed: Arc<dyn Feed>, limits: MemoryLimits) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_764_000_000)));
        Self::start_at(clock, feed, limits)
    }

    /// Another process later on, at the same clock.
    pub(crate) fn start_at(
        clock: Arc<ManualClock>,
        feed: Arc<dyn Feed>,
        limits: MemoryLimits,
    ) -> Self {
        let broker = Arc::new(MemoryBroker::new(
            Arc::clone(&clock) as _,
            Arc::new(SystemRandom),
            limits,
        ));
        broker.set_feed(feed);
        let presence_port = Arc::new(MemoryPresence::new(Arc::clone(&broker)));
        Self {
            clock,
            broker_port: Arc::clone(&broker) as _,
            broker,
            presence_port,
        }
    }
}

#[async_trait]
impl BrokerHarness for Harness {
    async fn start(&self, feed: Arc<dyn Feed>, setup: BrokerSetup) -> Arc<dyn BrokerUnderTest> {
        let BrokerSetup {
            channels,
            replay_bytes,
            idempotency_records,
        } = setup;
        let limits = MemoryLimits {
            channels,
            replay_bytes,
            idempotency_records,
        };
        Arc::new(Memory::start(feed, limits))
    }
}

#[async_trait]
impl BrokerUnderTest for Memory {
    fn broker(&self) -> &Arc<dyn Broker> {
        &self.broker_port
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.broker.sweep();
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(self)
    }
}

#[async_trait]
impl Faults for Memory {
    async fn fork(&self, channel: &ChannelId, at: u64) {
        self.broker.fork(channel, at);
    }

    async fn lose_next(&self, channel: &ChannelId, count: usize) {
        self.broker.lose_next(channel, count);
    }

    async fn evict(&self, channel: &ChannelId, through: u64) {
        self.broker.evict(channel, through);
    }

    async fn forget(&self, channel: &ChannelId) {
        self.broker.forget(channel);
    }

    async fn disrupt(&self, channel: &ChannelId) {
        self.broker.disrupt(channel);
    }
}

#[async_trait]
impl PresenceHarness for Harness {
    async fn start(&self, feed: Arc<dyn Feed>) -> Arc<dyn PresenceUnderTest> {
        Arc::new(Memory::start(feed, MemoryLimits::default()))
    }
}

#[async_trait]
impl PresenceUnderTest for Memory {
    fn presence(&self) -> &Arc<dyn Presence> {
        &self.presence_port
    }

    fn broker(&self) -> &Arc<dyn Broker> {
        &self.broker_port
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

#[async_trait]
impl SignalsHarness for Harness {
    async fn start(&self) -> Arc<dyn Signals> {
        Arc::new(MemorySignals::new())
    }
}
