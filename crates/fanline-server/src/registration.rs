//! This node's entry in the registry of nodes: announced again and again while it serves, withdrawn at its end.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc, time::Duration};

use fanline_broker::{BootId, NodeInfo, NodeState, Nodes};
use fanline_engine::Engine;
use fanline_model::NodeId;
use fanline_telemetry::{Health, State};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How often the node announces itself.
const PACE: Duration = Duration::from_secs(2);
/// How long it is listed after it fell silent.
const LEASE: Duration = Duration::from_secs(10);
/// How long its end waits for the registry.
const FAREWELL: Duration = Duration::from_secs(1);

/// What stays the same for as long as the node runs.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    /// Which node. Drawn at every start, so that a copied data directory does not make two nodes one.
    pub(crate) id: NodeId,
    /// Which of its lives.
    pub(crate) boot: BootId,
    /// What people call it.
    pub(crate) name: String,
    /// What it does.
    pub(crate) roles: Vec<String>,
    /// Versions of the keys that it holds.
    pub(crate) key_versions: Vec<u32>,
    /// Where it listens, by the listener's name.
    pub(crate) addresses: BTreeMap<String, String>,
}

/// The entry, and what it is made of.
pub(crate) struct Registration {
    nodes: Arc<dyn Nodes>,
    description: Description,
    engine: Arc<Engine>,
    health: Health,
    /// Whether what the node needs works as it should.
    well: Box<dyn Fn() -> bool + Send + Sync>,
    started: Instant,
}

// === impl Registration ===

impl Registration {
    /// The entry of a node that starts now.
    pub(crate) fn new(
        nodes: Arc<dyn Nodes>,
        description: Description,
        engine: Arc<Engine>,
        health: Health,
        well: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            nodes,
            description,
            engine,
            health,
            well: Box::new(well),
            started: Instant::now(),
        }
    }

    /// Keeps the entry; never ends.
    pub(crate) async fn keep(&self) -> Infallible {
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What fails for less than a moment is nobody's concern, so it takes two looks to call it degraded.
        let (mut was_well, mut was_announced) = (true, true);
        loop {
            ticks.tick().await;
            let is_well = (self.well)();
            let info = self.info(is_well || was_well);
            was_well = is_well;
            let announced = self.nodes.announce(&info, LEASE).await;
            // Said when it turns, not while it lasts.
            match &announced {
                Err(error) if was_announced => {
                    tracing::warn!(%error, "the node cannot announce itself; trying on");
                }
                Ok(()) if !was_announced => tracing::info!("the node is announced again"),
                _ => {}
            }
            was_announced = announced.is_ok();
        }
    }

    /// Ends the entry. Where the registry does not answer, the lease ends it.
    pub(crate) async fn withdraw(&self) {
        let Description { id, boot, .. } = &self.description;
        match timeout(FAREWELL, self.nodes.withdraw(id, *boot)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => {
                tracing::warn!("the node stays listed until its lease is over");
            }
        }
    }

    fn info(&self, well: bool) -> NodeInfo {
        let Description {
            id,
            boot,
            name,
            roles,
            key_versions,
            addresses,
        } = self.description.clone();
        let stats = self.engine.stats();
        NodeInfo {
            id,
            boot,
            name,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            roles,
            uptime: self.started.elapsed(),
            state: match self.health.state() {
                State::Draining => NodeState::Draining,
                State::Starting | State::Serving if well => NodeState::Ready,
                State::Starting | State::Serving => NodeState::Degraded,
            },
            sessions: stats.sessions,
            followed: stats.followed,
            key_versions,
            addresses,
        }
    }
}

/// The name of this host, for want of a better one.
pub(crate) fn host_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    let name = String::new();
    name
}
