//! A broker that can be made to wait, and a feed that loses things, as those behind a network do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use fanline_broker::{
    Broker, BrokerError, ChannelId, Feed, Head, Outcome, Page, PageLimit, PresenceChange, Publish,
    PublishError,
};
use fanline_model::{Message, Retention};
use tokio::sync::watch;

/// Lets calls through, or holds them until it is opened. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How many calls may pass.
    open_for: watch::Sender<usize>,
    /// Whether logs are unknown and nothing can be followed.
    logs_are_away: AtomicBool,
    /// Whether the broker says that it is away.
    is_missed: AtomicBool,
    /// Whether changes of members reach nobody.
    changes_are_lost: AtomicBool,
    reads: AtomicUsize,
}

/// A broker behind a gate.
pub(crate) struct Gated {
    gate: Gate,
    broker: Arc<dyn Broker>,
}

/// A feed behind a gate.
pub(crate) struct GatedFeed {
    gate: Gate,
    feed: Arc<dyn Feed>,
}

impl Gate {
    /// A gate that is open.
    pub(crate) fn open() -> Self {
        Self(Arc::new(Inner {
            open_for: watch::Sender::new(usize::MAX),
            logs_are_away: AtomicBool::new(false),
            is_missed: AtomicBool::new(false),
            changes_are_lost: AtomicBool::new(false),
            reads: AtomicUsize::new(0),
        }))
    }

    /// Whether calls pass from now on. Those that wait go on as soon as they may.
    pub fn set(&self, open: bool) {
        self.0
            .open_for
            .send_replace(if open { usize::MAX } else { 0 });
    }

    /// So many calls pass, and no more.
    pub fn let_through(&self, calls: usize) {
        self.0.open_for.send_replace(calls);
    }

    /// Whether from now on no log is known and no channel can be followed, while both are answered at once.
    pub fn take_logs_away(&self, away: bool) {
        self.0.logs_are_away.store(away, Ordering::Relaxed);
    }

    /// Whether from now on changes of members are lost on their way to the engine.
    pub fn lose_changes(&self, lost: bool) {
        self.0.changes_are_lost.store(lost, Ordering::Relaxed);
    }

    /// Whether from now on the broker says of itself that it is away; calls pass as before.
    pub fn miss(&self, missed: bool) {
        self.0.is_missed.store(missed, Ordering::Relaxed);
    }

    /// How often a log was read.
    #[must_use]
    pub fn reads(&self) -> usize {
        self.0.reads.load(Ordering::Relaxed)
    }

    /// The broker behind this gate.
    pub(crate) fn before(&self, broker: Arc<dyn Broker>) -> Gated {
        Gated {
            gate: self.clone(),
            broker,
        }
    }

    /// The feed behind this gate.
    pub(crate) fn after(&self, feed: Arc<dyn Feed>) -> GatedFeed {
        GatedFeed {
            gate: self.clone(),
            feed,
        }
    }

    async fn pass(&self) {
        let mut gate = self.0.open_for.subscribe();
        loop {
            let passed = self.0.open_for.send_if_modified(|calls| {
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

impl Feed for GatedFeed {
    fn message(&self, channel: &ChannelId, message: Arc<Message>) {
        self.feed.message(channel, message);
    }

    fn presence(&self, channel: &ChannelId, change: PresenceChange) {
        if !self.gate.0.changes_are_lost.load(Ordering::Relaxed) {
            self.feed.presence(channel, change);
        }
    }

    fn disrupted(&self, channel: &ChannelId) {
        self.feed.disrupted(channel);
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
        if self.gate.0.logs_are_away.load(Ordering::Relaxed) {
            return Err(BrokerError::Unavailable);
        }
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
        self.gate.0.reads.fetch_add(1, Ordering::Relaxed);
        if self.gate.0.logs_are_away.load(Ordering::Relaxed) {
            return Ok(None);
        }
        self.broker.read(channel, after, limit).await
    }

    async fn state(&self, channel: &ChannelId) -> Result<Option<Page>, BrokerError> {
        self.gate.pass().await;
        self.broker.state(channel).await
    }

    async fn heads(&self, channels: &[ChannelId]) -> Vec<Result<Option<Head>, BrokerError>> {
        self.gate.pass().await;
        self.broker.heads(channels).await
    }

    fn is_available(&self) -> bool {
        !self.gate.0.is_missed.load(Ordering::Relaxed) && self.broker.is_available()
    }
}
