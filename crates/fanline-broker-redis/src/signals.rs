//! Signals over Redis: one shard channel that every node of the installation listens to.
//!
//! Commands and subscription have connections of their own, so that no signal waits behind data; they follow the
//! same view of the cluster. Whoever can write to Redis can send bytes here, so nothing reaches a handler that was
//! not signed, fresh and heard for the first time ([`gate`]). A repeated command (the answer of the first one was
//! lost) is refused as a replay: that is no alarm by itself.

mod envelope;
mod gate;
mod identity;
mod kinds;
mod replay;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use fanline_broker::{BrokerError, Signal, SignalHandler, Signals};
use fanline_model::Clock;
use parking_lot::RwLock;

use crate::cluster::{CallError, Cluster, LibrarySource};
use crate::connector::Connector;
use crate::keys;
use crate::library::{LIBRARY, control_calls as calls};
use crate::nodes::RedisNodes;
use crate::supervisor::{Ear, Supervisor};
use crate::topology::TopologyWatch;

use gate::{Arrival, Gate, Refusals};

pub use gate::RefusedSignals;
pub use identity::{InstallationId, SignalKey, SignalSender};

/// Carries signals through Redis.
pub struct RedisSignals {
    cluster: Arc<Cluster>,
    supervisor: Arc<Supervisor>,
    listening: Arc<Listening>,
    /// The counter of the last signal that was sent.
    counter: AtomicU64,
}

/// What was sent and heard since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalStats {
    /// Whether this node hears the others now.
    pub hears: bool,
    /// Signals that Redis took from this node.
    pub sent: u64,
    /// Signals of other nodes that were handed to the handlers.
    pub heard: u64,
    /// Signals of a kind that this version does not know; nothing was done.
    pub of_later_version: u64,
    /// What was not let in.
    pub refused: RefusedSignals,
}

/// What hears the shard channel.
struct Listening {
    gate: Gate,
    handlers: RwLock<Vec<Arc<dyn SignalHandler>>>,
    sent: AtomicU64,
    heard: AtomicU64,
    of_later_version: AtomicU64,
    refusals: Refusals,
}

// === impl RedisSignals ===

impl RedisSignals {
    pub(crate) fn new(
        connector: Connector,
        topology: Arc<TopologyWatch>,
        us: SignalSender,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let listening = Arc::new(Listening {
            gate: Gate::new(us, clock),
            handlers: RwLock::default(),
            sent: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            of_later_version: AtomicU64::new(0),
            refusals: Refusals::default(),
        });
        let suspect = {
            let topology = Arc::clone(&topology);
            Box::new(move || topology.suspect())
        };
        let supervisor = Supervisor::new(
            connector.clone(),
            topology.subscribe(),
            suspect,
            Arc::clone(&listening) as _,
        );
        Self {
            cluster: Cluster::new(connector, topology, LibrarySource { code: LIBRARY }),
            supervisor,
            listening,
            counter: AtomicU64::new(0),
        }
    }

    /// Listens until the shutdown. The broker must run too: it looks after the view of the cluster.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        let supervising = Arc::clone(&self.supervisor).run(std::future::pending());
        let listening = async {
            self.supervisor.follow(keys::signals()).await;
            tracing::debug!("hearing the signals of other nodes");
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = supervising => {}
            () = listening => {}
            () = shutdown => {}
        }
    }

    /// The registry of nodes, over the same connections: a node must not look dead because data is in its way.
    pub fn nodes(&self) -> RedisNodes {
        RedisNodes::new(Arc::clone(&self.cluster))
    }

    /// Figures for metrics and tests.
    pub fn stats(&self) -> SignalStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SignalStats {
            hears: self.supervisor.counters().acknowledged > 0,
            sent: read(&self.listening.sent),
            heard: read(&self.listening.heard),
            of_later_version: read(&self.listening.of_later_version),
            refused: self.listening.refusals.read(),
        }
    }
}

#[async_trait]
impl Signals for RedisSignals {
    async fn send(&self, signal: Signal) -> Result<(), BrokerError> {
        // Here first: what it takes effect on must not depend on Redis.
        self.listening.hand_on(&signal);
        let counter = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        let signed = self.listening.gate.sign(&signal, counter);
        let call = calls::signal(keys::signals(), signed.into());
        match self.cluster.call(call).await {
            Ok(_) => {
                self.listening.sent.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                if let CallError::Refused { code, detail } = error {
                    tracing::error!(code, detail, "Redis refused a signal");
                }
                Err(BrokerError::Unavailable)
            }
        }
    }

    fn listen(&self, handler: Arc<dyn SignalHandler>) {
        self.listening.handlers.write().push(handler);
    }
}

// === impl Listening ===

impl Listening {
    fn hand_on(&self, signal: &Signal) {
        // Called outside the lock, so that a handler may send and listen itself.
        let handlers = self.handlers.read().clone();
        handlers.iter().for_each(|handler| handler.signal(signal));
    }
}

impl Ear for Listening {
    fn message(&self, _: &[u8], payload: Bytes) {
        match self.gate.judge(&payload) {
            Ok(Arrival::Signal(signal)) => {
                self.heard.fetch_add(1, Ordering::Relaxed);
                self.hand_on(&signal);
            }
            Ok(Arrival::OfLaterVersion) => {
                self.of_later_version.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Arrival::Ours) => {}
            Err(refusal) => {
                // Said once: whoever sends such things may send many. The count tells the rest.
                if self.refusals.count(refusal) {
                    tracing::warn!(reason = %refusal, "a signal is refused; further ones are counted only");
                }
            }
        }
    }

    fn interrupted(&self, _: &[Bytes]) {
        tracing::info!("signals may have been missed; the sweep repairs what they would have said");
    }
}
