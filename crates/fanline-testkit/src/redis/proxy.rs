//! What stands between one client and one plain Redis, and can do what a network or a proxy does at its worst:
//! lose one push, fall silent without closing anything, or lead new connections elsewhere while the old ones
//! hang.
//!
//! It understands RESP only as far as needed to tell where a frame ends and whether it is a message. A cluster
//! tells its clients its own addresses, which would lead them around this: for a cluster there is
//! [`network`](crate::network).

mod frames;
mod line;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A proxy before one server at a time. Dropping it closes every connection.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    _lines: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    state: watch::Sender<State>,
    /// Messages on their way to the client, numbered from 1, that must not arrive.
    doomed: Mutex<BTreeSet<u64>>,
    messages: AtomicU64,
    dropped: AtomicU64,
}

/// What every connection looks at before it carries anything.
#[derive(Clone, Debug)]
struct State {
    target: String,
    /// How often the target was replaced: connections of an earlier one carry nothing any more.
    generation: u64,
    held: bool,
}

// === impl Proxy ===

impl Proxy {
    /// Stands before the server at this address.
    #[expect(
        clippy::disallowed_methods,
        reason = "the test's own proxy, which nothing that is shipped listens on"
    )]
    pub async fn before(target: impl Into<String>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (state, _) = watch::channel(State {
            target: target.into(),
            generation: 0,
            held: false,
        });
        let shared = Arc::new(Shared {
            state,
            doomed: Mutex::default(),
            messages: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        });
        let mut lines = JoinSet::new();
        lines.spawn(line::accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            _lines: lines,
        })
    }

    /// Where its clients find it, `localhost:port`: a name, behind which the server can be replaced.
    #[must_use]
    pub fn address(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// The `n`-th message from now on does not arrive; 1 is the next one.
    pub fn drop_message(&self, n: u64) {
        let mut doomed = self.shared.doomed.lock();
        doomed.insert(self.shared.messages.load(Ordering::Relaxed) + n);
    }

    /// How many messages have been dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// From now on it carries nothing, in neither direction, and closes nothing. New connections are taken,
    /// and are as silent. What a server sends meanwhile waits in its own output buffer.
    pub fn hold(&self) {
        self.shared.state.send_modify(|state| state.held = true);
    }

    /// Carries again, beginning with what waited.
    pub fn let_go(&self) {
        self.shared.state.send_modify(|state| state.held = false);
    }

    /// Leads new connections to another server. Those that stand stay open and never carry anything again.
    pub fn replace(&self, target: impl Into<String>) {
        self.shared.state.send_modify(|state| {
            state.target = target.into();
            state.generation += 1;
        });
    }
}

// === impl Shared ===

impl Shared {
    /// Whether the next message may pass.
    fn may_pass(&self) -> bool {
        let mut doomed = self.doomed.lock();
        let number = self.messages.fetch_add(1, Ordering::Relaxed) + 1;
        let passes = !doomed.remove(&number);
        if !passes {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        passes
    }
}
