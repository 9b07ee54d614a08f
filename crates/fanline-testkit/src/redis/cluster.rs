//! A cluster of three primaries with a replica each, and what can happen to it.

mod failover;
mod forming;
mod settling;
mod slots;
mod view;

use anyhow::{Context as _, Result};
use redis::{Cmd, FromRedisValue};

use super::server::RedisServer;
use crate::network::Network;
pub use slots::SlotMove;
use view::View;

/// A running cluster of six servers. The default is a cluster of none, for what stands on a single server.
#[derive(Debug, Default)]
pub struct RedisCluster {
    members: Vec<Member>,
}

/// One server of a cluster; it stays the same over restarts and changes of role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(usize);

#[derive(Debug)]
struct Member {
    server: RedisServer,
    /// Its name within the cluster.
    id: String,
}

// === impl RedisCluster ===

impl RedisCluster {
    /// Starts six servers, joins them, and waits until the cluster serves and its replicas follow.
    pub async fn start() -> Result<Self> {
        Self::begin(None).await
    }

    /// The same, each server in a host of its own in this network.
    pub async fn start_in(network: &Network) -> Result<Self> {
        Self::begin(Some(network)).await
    }

    async fn begin(network: Option<&Network>) -> Result<Self> {
        let cluster = Self {
            members: forming::form(network).await?,
        };
        cluster.wait_until_settled().await?;
        Ok(cluster)
    }

    /// All of them, primaries and replicas.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        (0..self.members.len()).map(Node)
    }

    /// Where they listen, in the same order.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.members
            .iter()
            .map(|member| member.server.address())
            .collect()
    }

    /// The server of a node, to be connected to, killed, frozen, thawed or restarted.
    #[must_use]
    pub fn server(&self, node: Node) -> &RedisServer {
        &self.member(node).server
    }

    /// Where a node listens.
    #[must_use]
    pub fn address(&self, node: Node) -> String {
        self.server(node).address()
    }

    /// The node at this address.
    #[must_use]
    pub fn at(&self, address: &str) -> Option<Node> {
        self.nodes().find(|node| self.address(*node) == address)
    }

    /// The running node that serves a slot. Of two that claim it the one that was elected later.
    pub async fn primary_of(&self, slot: u16) -> Result<Node> {
        let mut best = None;
        for node in self.running() {
            let view = self.view(node).await?;
            let own = view.own()?;
            if own.serves(slot) {
                best = best.max(Some((own.config_epoch, node)));
            }
        }
        best.map(|(_, node)| node)
            .with_context(|| format!("no running node serves slot {slot}"))
    }

    /// A running node that takes itself for a replica of this one.
    pub async fn replica_of(&self, primary: Node) -> Result<Node> {
        for node in self.running() {
            let view = self.view(node).await?;
            if view.own()?.follows.as_deref() == Some(self.id(primary)) {
                return Ok(node);
            }
        }
        anyhow::bail!("no running node is a replica of {}", self.address(primary))
    }

    /// Those that were neither killed nor frozen.
    fn running(&self) -> impl Iterator<Item = Node> {
        self.nodes().filter(|node| self.server(*node).is_running())
    }

    fn member(&self, node: Node) -> &Member {
        &self.members[node.0]
    }

    fn id(&self, node: Node) -> &str {
        &self.member(node).id
    }

    /// What a node knows of all.
    async fn view(&self, node: Node) -> Result<View> {
        let lines: String = self.ask(node, redis::cmd("CLUSTER").arg("NODES")).await?;
        View::read(&lines)
    }

    async fn ask<T: FromRedisValue>(&self, node: Node, command: &Cmd) -> Result<T> {
        self.server(node).ask(command).await
    }
}
