//! The port for control traffic between nodes.

use std::sync::Arc;

use async_trait::async_trait;
use fanline_model::AppId;

use crate::broker::BrokerError;

/// Control traffic between nodes. Safe to repeat, and safe to lose: a sweep repairs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something of the app changed: its snapshot is stale from this revision on.
    AppChanged {
        /// The app.
        app: AppId,
        /// The revision that was written.
        revision: u64,
    },
}

/// Where a node hears signals.
pub trait SignalHandler: Send + Sync + 'static {
    /// A signal, authenticated. Must return quickly.
    fn signal(&self, signal: &Signal);
}

/// Carries signals to every node, this one included. Best effort, never queued behind data.
#[async_trait]
pub trait Signals: Send + Sync + 'static {
    /// Sends a signal.
    async fn send(&self, signal: Signal) -> Result<(), BrokerError>;

    /// Hears signals from now on.
    fn listen(&self, handler: Arc<dyn SignalHandler>);
}
