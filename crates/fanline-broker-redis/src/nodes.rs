//! The registry of nodes in Redis: one hash on one partition, judged by the clock of Redis alone.

mod document;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::{BootId, BrokerError, NodeInfo, Nodes, RegisteredNode};
use fanline_model::NodeId;
use redis::Value;

use crate::cluster::{Call, CallError, Cluster};
use crate::keys;
use crate::library::control_calls::{self as calls, Listed};

/// Which nodes there are, in Redis.
pub struct RedisNodes {
    cluster: Arc<Cluster>,
}

impl RedisNodes {
    pub(crate) fn new(cluster: Arc<Cluster>) -> Self {
        Self { cluster }
    }

    async fn ask(&self, call: Call) -> Result<Value, BrokerError> {
        self.cluster.call(call).await.map_err(|error| {
            if let CallError::Refused { code, detail } = error {
                tracing::error!(
                    code,
                    detail,
                    "Redis refused a call of the registry of nodes"
                );
            }
            BrokerError::Unavailable
        })
    }
}

#[async_trait]
impl Nodes for RedisNodes {
    async fn announce(&self, node: &NodeInfo, lease: Duration) -> Result<(), BrokerError> {
        let document = document::write(node).map_err(|error| {
            tracing::error!(%error, "this node cannot be described");
            BrokerError::Unavailable
        })?;
        let who = (&node.id, node.boot);
        let call = calls::announce(keys::nodes(), who, node.uptime, lease, document);
        self.ask(call).await.map(|_| ())
    }

    async fn withdraw(&self, node: &NodeId, boot: BootId) -> Result<(), BrokerError> {
        let call = calls::withdraw(keys::nodes(), node, boot);
        self.ask(call).await.map(|_| ())
    }

    async fn list(&self) -> Result<Vec<RegisteredNode>, BrokerError> {
        let answer = self.ask(calls::nodes(keys::nodes())).await?;
        let listed = calls::listed(answer).ok_or_else(|| {
            tracing::error!("Redis answered in a form that this version does not know");
            BrokerError::Unavailable
        })?;
        let mut nodes: Vec<_> = listed.into_iter().filter_map(registered).collect();
        RegisteredNode::sort(&mut nodes);
        Ok(nodes)
    }
}

/// One that cannot be read does not hide the others.
fn registered(listed: Listed) -> Option<RegisteredNode> {
    let info = document::read(&listed.document);
    if info.is_none() {
        tracing::warn!("the registry holds a node that this version cannot read");
    }
    Some(RegisteredNode {
        info: info?,
        started_at: listed.started_at,
        announced_at: listed.announced_at,
    })
}
