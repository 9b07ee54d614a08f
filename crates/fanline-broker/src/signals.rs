//! The port for control traffic between nodes.

use std::sync::Arc;

use async_trait::async_trait;
use fanline_model::AppId;

use crate::broker::BrokerError;

/// Control traffic between nodes. Safe to repeat, and safe to lose: a sweep repairs it.
///
/// What carries signals between nodes of different versions gives each kind a number and skips numbers that it
/// does not know, so that a kind can be added while older nodes still run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Something of the app changed: whatever snapshot has another revision than this is stale.
    AppChanged {
        /// The app.
        app: AppId,
        /// The revision that was written; 0, which no snapshot has, if whoever sends could not read it.
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
    /// Sends a signal. It is heard on this node, whatever becomes of the others: an error means that they may
    /// not hear it. Does not wait until they have; a request that is to be answered does not wait for this.
    async fn send(&self, signal: Signal) -> Result<(), BrokerError>;

    /// Hears signals from now on.
    fn listen(&self, handler: Arc<dyn SignalHandler>);
}
