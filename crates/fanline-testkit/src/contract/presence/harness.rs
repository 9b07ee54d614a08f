//! What the suite needs of an implementation.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::{Broker, Feed, Presence};

/// Starts the presence of one implementation, with the broker whose feed hears the changes.
#[async_trait]
pub trait PresenceHarness: Send + Sync {
    /// Presence where nobody is anywhere.
    async fn start(&self, feed: Arc<dyn Feed>) -> Arc<dyn PresenceUnderTest>;
}

/// A running presence.
#[async_trait]
pub trait PresenceUnderTest: Send + Sync {
    /// The port.
    fn presence(&self) -> &Arc<dyn Presence>;

    /// The broker beside it, by which channels are followed.
    fn broker(&self) -> &Arc<dyn Broker>;

    /// Lets time pass; nothing is reaped by it.
    async fn advance(&self, by: Duration);
}
