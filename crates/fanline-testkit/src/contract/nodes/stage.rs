//! One registry, and short words for what tests do with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fanline_broker::{BootId, NodeInfo, NodeState, RegisteredNode};
use fanline_model::{NodeId, SystemRandom};

use super::harness::{NodesHarness, NodesUnderTest};

pub(super) const LEASE: Duration = Duration::from_secs(10);

/// A registry under test.
pub(super) struct Stage {
    under_test: Arc<dyn NodesUnderTest>,
}

impl Stage {
    pub(super) async fn open(harness: &dyn NodesHarness) -> Self {
        Self {
            under_test: harness.start().await,
        }
    }

    pub(super) async fn announce(&self, node: &NodeInfo) {
        let nodes = self.under_test.nodes();
        nodes.announce(node, LEASE).await.unwrap();
    }

    pub(super) async fn withdraw(&self, node: &NodeInfo) {
        let nodes = self.under_test.nodes();
        nodes.withdraw(&node.id, node.boot).await.unwrap();
    }

    pub(super) async fn advance(&self, by: Duration) {
        self.under_test.advance(by).await;
    }

    pub(super) async fn registered(&self) -> Vec<RegisteredNode> {
        self.under_test.nodes().list().await.unwrap()
    }

    /// What the listed nodes said.
    pub(super) async fn listed(&self) -> Vec<NodeInfo> {
        let registered = self.registered().await;
        registered.into_iter().map(|node| node.info).collect()
    }
}

/// A node that has just started.
pub(super) fn node(name: &str) -> NodeInfo {
    NodeInfo {
        id: NodeId::generate(&SystemRandom),
        boot: BootId::generate(&SystemRandom),
        name: name.to_owned(),
        version: "1.2.3".to_owned(),
        roles: vec!["all".to_owned()],
        uptime: Duration::ZERO,
        state: NodeState::Ready,
        sessions: 0,
        followed: 0,
        key_versions: vec![1],
        addresses: BTreeMap::new(),
    }
}

/// The next life of a node.
pub(super) fn restarted(node: &NodeInfo) -> NodeInfo {
    NodeInfo {
        boot: BootId::generate(&SystemRandom),
        uptime: Duration::ZERO,
        ..node.clone()
    }
}
