//! A broker that can be made to wait, as one behind a network does.

use std::sync::Arc;

use async_trait::async_trait;
use fanline_broker::{
    Broker, BrokerError, ChannelId, Head, Outcome, Page, PageLimit, Publish, PublishError,
};
use fanline_model::Retention;
use tokio::sync::watch;

/// Lets calls through, or holds them until it is opened. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<usize>>);

/// A broker behind a gate.
pub(crate) struct Gated {
    gate: Gate,
    broker: Arc<dyn Broker>,
}

impl Gate {
    /// A gate that is open.
    pub(crate) fn open() -> Self {
        Self(Arc::new(watch::Sender::new(usize::MAX)))
    }

    /// Whether calls pass from now on. Those that wait go on as soon as they may.
    pub fn set(&self, open: bool) {
        self.0.send_replace(if open { usize::MAX } else { 0 });
    }

    /// So many calls pass, and no more.
    pub fn let_through(&self, calls: usize) {
        self.0.send_replace(calls);
    }

    /// The broker behind this gate.
    pub(crate) fn before(&self, broker: Arc<dyn Broker>) -> Gated {
        Gated {
            gate: self.clone(),
            broker,
        }
    }

    async fn pass(&self) {
        let mut gate = self.0.subscribe();
        loop {
            let passed = self.0.send_if_modified(|calls| {
                let passes = *calls > 0;
                if passes && *calls != usize::MAX {
                    *calls -= 1;
                }
                passes
            });
            if passed {
                return;
            }
            // The sender is held by this very gate, so the wait can only end by an opening.
            let _ = gate.wait_for(|calls| *calls > 0).await;
        }
    }
}

#[async_trait]
impl Broker for Gated {
    async fn publish(&self, publish: Publish) -> Result<Vec<Outcome>, PublishError> {
        self.gate.pass().await;
        self.broker.publish(publish).await
    }

    async fn follow(
        &self,
        channel: &ChannelId,
        retention: &Retention,
    ) -> Result<Option<Head>, BrokerError> {
        self.gate.pass().await;
        self.broker.follow(channel, retention).await
    }

    async fn unfollow(&self, channel: &ChannelId) {
        self.gate.pass().await;
        self.broker.unfollow(channel).await;
    }

    async fn read(
        &self,
        channel: &ChannelId,
        after: u64,
        limit: PageLimit,
    ) -> Result<Option<Page>, BrokerError> {
        self.gate.pass().await;
        self.broker.read(channel, after, limit).await
    }

    async fn state(&self, channel: &ChannelId) -> Result<Option<Page>, BrokerError> {
        self.gate.pass().await;
        self.broker.state(channel).await
    }

    async fn heads(&self, channels: &[ChannelId]) -> Result<Vec<Option<Head>>, BrokerError> {
        self.gate.pass().await;
        self.broker.heads(channels).await
    }
}
