//! The sessions of a node: each is one task, and its future the engine's own.

use std::sync::Arc;

use fanline_engine::{Engine, Link};
use fanline_protocol::{Open, Protocol};
use tokio_util::task::TaskTracker;

/// Hands links to the engine and knows which of them still live.
#[derive(Clone)]
pub struct Sessions {
    engine: Arc<Engine>,
    tasks: TaskTracker,
}

// === impl Sessions ===

impl Sessions {
    /// No sessions yet.
    #[must_use]
    pub fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            tasks: TaskTracker::new(),
        }
    }

    /// Runs a connection to its end, in a task of its own. The task is the engine's future and nothing
    /// else: what opened the connection must not stay in memory with it.
    pub fn spawn(&self, protocol: Arc<dyn Protocol>, open: &Open, link: Box<dyn Link>) {
        self.tasks.spawn(self.engine.serve(protocol, open, link));
    }

    /// Ready once the last session has ended.
    pub async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions")
            .field("count", &self.tasks.len())
            .finish_non_exhaustive()
    }
}
