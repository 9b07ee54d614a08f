//! `GET /admin/v1/nodes`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use fanline_broker::RegisteredNode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::Reader;
use crate::problem::{Problem, Refusals};
use crate::state::ControlState;

/// Every node of the installation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeList {
    /// In order of name and id.
    nodes: Vec<NodeDocument>,
}

/// A node, as it last said of itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeDocument {
    /// Its id.
    #[schema(examples("node_3vLkOeQ81yDsU4tA"))]
    id: String,
    /// Its present life: another one after every start.
    #[schema(examples("9f86d081884c7d65"))]
    boot: String,
    /// What people call it.
    name: String,
    /// The version of the program.
    version: String,
    /// What it does.
    roles: Vec<String>,
    /// `ready`; `degraded` if something that it needs does not work as it should; `draining` when it is about to
    /// stop.
    state: &'static str,
    /// When it started, in milliseconds since 1970, by the clock of the registry.
    started_at: u64,
    /// When it was heard last, in the same way.
    announced_at: u64,
    /// Sessions that are open on it.
    sessions: u64,
    /// Channels that it follows.
    followed: u64,
    /// Versions of the installation's keys that it holds.
    key_versions: Vec<u32>,
    /// Where it listens, by the name of the listener.
    addresses: BTreeMap<String, String>,
}

/// List nodes
///
/// Every node that has announced itself within its lease of ten seconds. One that stopped in an orderly manner is
/// gone at once, one that died when its lease is over.
#[utoipa::path(
    get,
    path = "/admin/v1/nodes",
    tag = "nodes",
    responses((status = 200, description = "Every node, in order of name and id.", body = NodeList), Refusals),
    security(("operator_token" = []))
)]
pub(crate) async fn list_nodes(
    _: Reader,
    State(state): State<ControlState>,
) -> Result<Json<NodeList>, Problem> {
    let nodes = state.nodes().list().await;
    let nodes = nodes.map_err(|error| state.unavailable(&error))?;
    Ok(Json(NodeList {
        nodes: nodes.into_iter().map(NodeDocument::of).collect(),
    }))
}

impl NodeDocument {
    fn of(node: RegisteredNode) -> Self {
        let info = node.info;
        Self {
            id: info.id.to_string(),
            boot: info.boot.to_string(),
            name: info.name,
            version: info.version,
            roles: info.roles,
            state: info.state.name(),
            started_at: node.started_at.as_millis(),
            announced_at: node.announced_at.as_millis(),
            sessions: info.sessions,
            followed: info.followed,
            key_versions: info.key_versions,
            addresses: info.addresses,
        }
    }
}
