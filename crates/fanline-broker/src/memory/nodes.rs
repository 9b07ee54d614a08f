//! The nodes of one process: as a rule there is one, and it lists itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_model::{Clock, NodeId, Timestamp};
use parking_lot::Mutex;

use crate::broker::BrokerError;
use crate::nodes::{BootId, NodeInfo, Nodes, RegisteredNode};

/// A registry of nodes in memory.
pub struct MemoryNodes {
    clock: Arc<dyn Clock>,
    entries: Mutex<HashMap<NodeId, Entry>>,
}

struct Entry {
    node: RegisteredNode,
    expires_at: Timestamp,
}

impl MemoryNodes {
    /// Nobody is there yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            entries: Mutex::default(),
        }
    }
}

#[async_trait]
impl Nodes for MemoryNodes {
    async fn announce(&self, node: &NodeInfo, lease: Duration) -> Result<(), BrokerError> {
        let now = self.clock.now();
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| entry.expires_at > now);
        let same_life = entries
            .get(&node.id)
            .filter(|entry| entry.node.info.boot == node.boot);
        let started_at = match same_life {
            Some(entry) => entry.node.started_at,
            None => before(now, node.uptime),
        };
        let entry = Entry {
            node: RegisteredNode {
                info: node.clone(),
                started_at,
                announced_at: now,
            },
            expires_at: now.plus(lease),
        };
        entries.insert(node.id.clone(), entry);
        Ok(())
    }

    async fn withdraw(&self, node: &NodeId, boot: BootId) -> Result<(), BrokerError> {
        let mut entries = self.entries.lock();
        if entries
            .get(node)
            .is_some_and(|entry| entry.node.info.boot == boot)
        {
            entries.remove(node);
        }
        Ok(())
    }

    async fn list(&self) -> Result<Vec<RegisteredNode>, BrokerError> {
        let now = self.clock.now();
        let mut nodes: Vec<_> = self
            .entries
            .lock()
            .values()
            .filter(|entry| entry.expires_at > now)
            .map(|entry| entry.node.clone())
            .collect();
        RegisteredNode::sort(&mut nodes);
        Ok(nodes)
    }
}

fn before(now: Timestamp, while_: Duration) -> Timestamp {
    let millis = u64::try_from(while_.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(millis))
}
