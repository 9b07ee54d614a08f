//! The port that knows which nodes there are.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use fanline_model::{NodeId, Random, Timestamp};

use crate::broker::BrokerError;

/// One life of a node, from a start to its end: drawn anew at every start.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BootId(u64);

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Which node.
    pub id: NodeId,
    /// Which of its lives.
    pub boot: BootId,
    /// What people call it: its host's name, if nobody gave it another.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// What it does.
    pub roles: Vec<String>,
    /// How long it has been running.
    pub uptime: Duration,
    /// How it is.
    pub state: NodeState,
    /// Sessions that are open on it.
    pub sessions: u64,
    /// Channels that it follows.
    pub followed: u64,
    /// Versions of the installation's keys that it holds.
    pub key_versions: Vec<u32>,
    /// Where it listens, by the listener's name.
    pub addresses: BTreeMap<String, String>,
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It takes clients.
    Ready,
    /// It takes clients, but something that it needs does not work as it should.
    Degraded,
    /// It sends its clients away and will stop.
    Draining,
}

/// A node as the registry knows it. All times are of the registry's own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredNode {
    /// What it said last.
    pub info: NodeInfo,
    /// When this life of it began. The same in every list.
    pub started_at: Timestamp,
    /// When it said so.
    pub announced_at: Timestamp,
}

/// Which nodes there are: entries with leases.
///
/// A node is listed from its first announcement until its lease ends or it withdraws, whichever comes first.
/// Nothing is decided by the clock of a node.
#[async_trait]
pub trait Nodes: Send + Sync + 'static {
    /// Says that a node is there, in place of what it said before, and begins its lease anew. Of two lives of one
    /// node the one that spoke last is listed.
    async fn announce(&self, node: &NodeInfo, lease: Duration) -> Result<(), BrokerError>;

    /// Ends the entry now, if it is of this life of the node.
    async fn withdraw(&self, node: &NodeId, boot: BootId) -> Result<(), BrokerError>;

    /// Every node whose lease has not ended, in order of name and id.
    async fn list(&self) -> Result<Vec<RegisteredNode>, BrokerError>;
}

// === impl BootId ===

impl BootId {
    /// A new one.
    pub fn generate(random: &dyn Random) -> Self {
        Self(random.u64())
    }

    /// From its number.
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// 16 hexadecimal digits.
impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl NodeState ===

impl NodeState {
    /// Its name in the registry and in the admin API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Ready, Self::Degraded, Self::Draining]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

// === impl RegisteredNode ===

impl RegisteredNode {
    /// Puts a list into its order.
    pub fn sort(nodes: &mut [Self]) {
        nodes.sort_by(|a, b| (&a.info.name, &a.info.id).cmp(&(&b.info.name, &b.info.id)));
    }
}
