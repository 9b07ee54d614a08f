//! Control traffic: signals and the registry of nodes, within the process or through Redis.

use std::sync::Arc;

use fanline_broker::memory::{MemoryNodes, MemorySignals};
use fanline_broker::{BootId, Nodes, Signals};
use fanline_broker_redis::{InstallationId, RedisSignals, SignalKey, SignalSender, SignalStats};
use fanline_engine::Engine;
use fanline_model::{Clock, NodeId, Random};
use fanline_telemetry::{Health, Metrics};
use fanline_tenancy::MasterKey;

use super::Carrier;
use crate::{
    config::Config,
    keys::Keys,
    registration::{Description, Registration, host_name},
};

/// The control traffic of a node.
pub(super) struct Control {
    /// This node, as others see it.
    pub(super) node: NodeId,
    /// Its present life.
    pub(super) boot: BootId,
    pub(super) signals: Arc<dyn Signals>,
    pub(super) nodes: Arc<dyn Nodes>,
    /// Where signals come from elsewhere.
    redis: Option<Arc<RedisSignals>>,
}

// === impl Control ===

impl Control {
    /// Over what carries the messages, but on connections of its own.
    pub(super) fn over(
        carrier: &Carrier,
        master: &MasterKey,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> Self {
        let (node, boot) = (NodeId::generate(&**random), BootId::generate(&**random));
        match carrier {
            Carrier::Memory(_) => Self {
                node,
                boot,
                signals: Arc::new(MemorySignals::new()),
                nodes: Arc::new(MemoryNodes::new(clock.clone())),
                redis: None,
            },
            Carrier::Redis(broker) => {
                let us = SignalSender {
                    installation: installation(master),
                    node: node.clone(),
                    boot,
                    key: SignalKey::new(master.version(), master.derive("signals")),
                };
                let signals = Arc::new(broker.signals(us, clock.clone()));
                Self {
                    node,
                    boot,
                    nodes: Arc::new(signals.nodes()),
                    signals: signals.clone(),
                    redis: Some(signals),
                }
            }
        }
    }

    /// Hears other nodes; never ends.
    pub(super) async fn run(&self) {
        match &self.redis {
            Some(signals) => signals.run(std::future::pending()).await,
            None => std::future::pending().await,
        }
    }

    /// This node, as the registry is to list it.
    pub(super) fn describe(&self, config: &Config, keys: &Keys, urls: &[String; 3]) -> Description {
        let listeners = ["public", "admin", "ops"].map(str::to_owned);
        Description {
            id: self.node.clone(),
            boot: self.boot,
            name: config.name.clone().unwrap_or_else(host_name),
            roles: vec![config.role.name().to_owned()],
            key_versions: vec![keys.master_key().version()],
            addresses: listeners.into_iter().zip(urls.iter().cloned()).collect(),
        }
    }

    /// The entry of this node, which is degraded while it hears no other or its engine is.
    pub(super) fn register(
        &self,
        description: Description,
        engine: Arc<Engine>,
        health: Health,
    ) -> Registration {
        let (redis, watched) = (self.redis.clone(), engine.clone());
        let well = move || {
            let hears = redis.as_ref().is_none_or(|signals| signals.stats().hears);
            hears && !watched.is_degraded()
        };
        Registration::new(self.nodes.clone(), description, engine, health, well)
    }

    /// Adds what the signals count to the metrics.
    pub(super) fn measure(&self, metrics: &Metrics) {
        type Read = fn(SignalStats) -> u64;
        let Some(signals) = &self.redis else { return };
        let figure = |read: Read| {
            let signals = Arc::downgrade(signals);
            move || signals.upgrade().map_or(0, |signals| read(signals.stats()))
        };
        metrics.gauge(
            "signals_subscribed",
            "1 while the signals of other nodes are heard",
            figure(|s| u64::from(s.hears)),
        );
        let counters: [(&str, &str, Read); 9] = [
            ("signals_sent", "Signals sent to other nodes", |s| s.sent),
            ("signals_heard", "Signals heard of other nodes", |s| s.heard),
            (
                "signals_of_later_version",
                "Signals of a kind that this version does not know",
                |s| s.of_later_version,
            ),
            ("signals_unreadable", "Refused: no signals", |s| {
                s.refused.unreadable
            }),
            ("signals_foreign", "Refused: of another installation", |s| {
                s.refused.foreign
            }),
            (
                "signals_unknown_key",
                "Refused: signed with a version of the key that is not held",
                |s| s.refused.unknown_key,
            ),
            ("signals_forged", "Refused: not signed with the key", |s| {
                s.refused.forged
            }),
            (
                "signals_stale",
                "Refused: their time is too far from this node's",
                |s| s.refused.stale,
            ),
            ("signals_replayed", "Refused: heard before", |s| {
                s.refused.replayed
            }),
        ];
        for (name, help, read) in counters {
            metrics.counter(name, help, figure(read));
        }
    }
}

/// Whoever has the master key belongs to the installation. Its name tells nothing of the key. (A key that is
/// replaced would rename the installation: this must be kept in the store before keys can be.)
fn installation(master: &MasterKey) -> InstallationId {
    let mut id = InstallationId([0; 16]);
    for (byte, derived) in id.0.iter_mut().zip(master.derive("installation id")) {
        *byte = derived;
    }
    id
}
