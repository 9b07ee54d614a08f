//! What the suite needs of an implementation.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::Nodes;

/// Starts registries of one implementation.
#[async_trait]
pub trait NodesHarness: Send + Sync {
    /// A registry that knows nobody.
    async fn start(&self) -> Arc<dyn NodesUnderTest>;
}

/// A running registry.
#[async_trait]
pub trait NodesUnderTest: Send + Sync {
    /// The port.
    fn nodes(&self) -> &Arc<dyn Nodes>;

    /// Lets time pass on the registry's clock.
    async fn advance(&self, by: Duration);
}
