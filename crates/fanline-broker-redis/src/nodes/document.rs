//! What a node says of itself, as it lies in the registry: JSON, so that nodes of different versions read each
//! other. A reader leaves out fields that it does not know; a field that a former version did not write has a
//! default. Golden file: `fixtures/node.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use fanline_broker::{BootId, NodeInfo, NodeState};
use fanline_model::NodeId;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Document {
    id: String,
    boot: String,
    name: String,
    version: String,
    state: String,
    uptime_ms: u64,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    sessions: u64,
    #[serde(default)]
    followed: u64,
    #[serde(default)]
    key_versions: Vec<u32>,
    #[serde(default)]
    addresses: BTreeMap<String, String>,
}

pub(super) fn write(node: &NodeInfo) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Document {
        id: node.id.to_string(),
        boot: node.boot.to_string(),
        name: node.name.clone(),
        version: node.version.clone(),
        state: node.state.name().to_owned(),
        uptime_ms: u64::try_from(node.uptime.as_millis()).unwrap_or(u64::MAX),
        roles: node.roles.clone(),
        sessions: node.sessions,
        followed: node.followed,
        key_versions: node.key_versions.clone(),
        addresses: node.addresses.clone(),
    })
}

pub(super) fn read(bytes: &[u8]) -> Option<NodeInfo> {
    let document: Document = serde_json::from_slice(bytes).ok()?;
    Some(NodeInfo {
        id: NodeId::parse(&document.id).ok()?,
        boot: BootId::from_u64(u64::from_str_radix(&document.boot, 16).ok()?),
        name: document.name,
        version: document.version,
        roles: document.roles,
        uptime: Duration::from_millis(document.uptime_ms),
        // A state of a later version: there is something about it that this one cannot know.
        state: NodeState::from_name(&document.state).unwrap_or(NodeState::Degraded),
        sessions: document.sessions,
        followed: document.followed,
        key_versions: document.key_versions,
        addresses: document.addresses,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const GOLDEN: &str = include_str!("../../../../fixtures/node.json");

    fn golden() -> NodeInfo {
        NodeInfo {
            id: NodeId::parse("node_0000000000000001").unwrap(),
            boot: BootId::from_u64(0x0123_4567_89ab_cdef),
            name: "kitchen".to_owned(),
            version: "0.1.0".to_owned(),
            roles: vec!["all".to_owned()],
            uptime: Duration::from_millis(61_500),
            state: NodeState::Ready,
            sessions: 12,
            followed: 3,
            key_versions: vec![1],
            addresses: [("public".to_owned(), "http://127.0.0.1:7300".to_owned())].into(),
        }
    }

    #[test]
    fn what_a_node_says_is_written_and_read_as_in_the_golden_file() {
        let written: Value = serde_json::from_slice(&write(&golden()).unwrap()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(GOLDEN).unwrap());
        assert_eq!(read(GOLDEN.as_bytes()).unwrap(), golden());
    }

    #[test]
    fn nodes_of_other_versions_can_be_read() {
        let mut later: Value = serde_json::from_str(GOLDEN).unwrap();
        later["mood"] = json!("fine");
        later["state"] = json!("hibernating");
        let read_later = read(later.to_string().as_bytes()).unwrap();
        assert_eq!(read_later.state, NodeState::Degraded);
        let mut former: Value = serde_json::from_str(GOLDEN).unwrap();
        former.as_object_mut().unwrap().remove("addresses");
        let read_former = read(former.to_string().as_bytes()).unwrap();
        assert!(read_former.addresses.is_empty());
    }
}
