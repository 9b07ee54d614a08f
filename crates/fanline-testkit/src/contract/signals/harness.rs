//! What the suite needs of an implementation.

use std::sync::Arc;

use async_trait::async_trait;
use fanline_broker::Signals;

/// Starts the signals of one implementation.
#[async_trait]
pub trait SignalsHarness: Send + Sync {
    /// Signals that nobody hears yet.
    async fn start(&self) -> Arc<dyn Signals>;
}
