//! A door: what one listener serves, and how patient it is.

use std::time::Duration;

use fanline_telemetry::{Counter, Histogram, Metrics};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{mount::Mounts, sessions::Sessions};

/// What one listener serves: its mounts, the sessions that open there, the HTTP connections it holds.
#[derive(Debug)]
pub struct Door {
    name: &'static str,
    mounts: Mounts,
    sessions: Option<Sessions>,
    patience: Patience,
    metrics: DoorMetrics,
    /// The HTTP connections; those that became WebSockets are the engine's.
    connections: TaskTracker,
    /// Cancelled when HTTP connections shall end after the request that they are at.
    closing: CancellationToken,
    /// Cancelled when they shall end at once.
    cut: CancellationToken,
}

/// How long a peer may take for what costs it nothing and us a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the connection to the end of its first request's header, so that a handshake of one byte
    /// at a time is cut.
    pub first_request: Duration,
    /// For each later header, the silence before it included: backends keep connections open.
    pub next_request: Duration,
    /// From a request's header to the answer's, its body included.
    pub request: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct DoorMetrics {
    metrics: Metrics,
    request_seconds: Histogram,
}

// === impl Door ===

impl Door {
    /// A door by this name, `public`, `admin` or `ops`, as metrics and the log call it.
    #[must_use]
    pub fn new(name: &'static str, mounts: Mounts, patience: Patience, metrics: &Metrics) -> Self {
        Self {
            name,
            mounts,
            sessions: None,
            patience,
            metrics: DoorMetrics {
                request_seconds: metrics.http_request_seconds(),
                metrics: metrics.clone(),
            },
            connections: TaskTracker::new(),
            closing: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }

    /// The same door, whose protocols' connections become sessions there.
    #[must_use]
    pub fn with_sessions(mut self, sessions: Sessions) -> Self {
        self.sessions = Some(sessions);
        self
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Ends the HTTP connections, each after the request that it is at, and waits for them.
    pub async fn close(&self) {
        self.closing.cancel();
        self.connections.close();
        self.connections.wait().await;
    }

    /// Ends the HTTP connections at once and waits until nothing of them runs.
    pub async fn cut(&self) {
        self.cut.cancel();
        self.close().await;
    }

    pub(crate) const fn mounts(&self) -> &Mounts {
        &self.mounts
    }

    pub(crate) const fn sessions(&self) -> Option<&Sessions> {
        self.sessions.as_ref()
    }

    pub(crate) const fn patience(&self) -> Patience {
        self.patience
    }

    pub(crate) const fn metrics(&self) -> &DoorMetrics {
        &self.metrics
    }

    pub(crate) const fn connections(&self) -> &TaskTracker {
        &self.connections
    }

    pub(crate) const fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    pub(crate) const fn cutting(&self) -> &CancellationToken {
        &self.cut
    }
}

// === impl Patience ===

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_request: Duration::from_secs(10),
            next_request: Duration::from_secs(75),
            request: Duration::from_secs(30),
        }
    }
}

// === impl DoorMetrics ===

impl DoorMetrics {
    pub(crate) fn accept_errors(&self) -> Counter {
        self.metrics.accept_errors()
    }

    pub(crate) fn opened(&self, protocol: &'static str, transport: &'static str) {
        self.metrics.connections_opened(protocol, transport).inc();
    }

    pub(crate) fn answered(&self, door: &'static str, status: u16, after: Duration) {
        self.metrics.http_requests(door, status).inc();
        self.request_seconds.observe(after.as_secs_f64());
    }
}
