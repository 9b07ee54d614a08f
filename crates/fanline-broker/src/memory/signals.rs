//! Signals within one process: there is one node, and it hears what it sends.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::RwLock;

use crate::broker::BrokerError;
use crate::signals::{Signal, SignalHandler, Signals};

/// Hands every signal to every handler, in the order they began to listen.
#[derive(Default)]
pub struct MemorySignals {
    handlers: RwLock<Vec<Arc<dyn SignalHandler>>>,
}

impl MemorySignals {
    /// Signals that nobody hears yet.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Signals for MemorySignals {
    async fn send(&self, signal: Signal) -> Result<(), BrokerError> {
        // Called outside the lock, so that a handler may send and listen itself.
        let handlers = self.handlers.read().clone();
        handlers.iter().for_each(|handler| handler.signal(&signal));
        Ok(())
    }

    fn listen(&self, handler: Arc<dyn SignalHandler>) {
        self.handlers.write().push(handler);
    }
}
