//! Nodes: who is there.

use std::time::Duration;

use fanline_broker::{BootId, NodeInfo, NodeState};
use fanline_model::NodeId;
use serde_json::json;

use crate::world::World;

const LEASE: Duration = Duration::from_secs(10);

fn node() -> NodeInfo {
    NodeInfo {
        id: NodeId::parse("node_1").unwrap(),
        boot: BootId::from_u64(0xABC),
        name: "kitchen".to_owned(),
        version: "0.1.0".to_owned(),
        roles: vec!["all".to_owned()],
        uptime: Duration::from_secs(60),
        state: NodeState::Draining,
        sessions: 12,
        followed: 3,
        key_versions: vec![1],
        addresses: [("public".to_owned(), "http://127.0.0.1:7300".to_owned())].into(),
    }
}

#[tokio::test]
async fn a_node_is_listed_with_what_it_said_while_its_lease_runs() {
    let world = World::new().await;
    world.nodes.announce(&node(), LEASE).await.unwrap();
    let answer = world.call("GET", "/admin/v1/nodes", None).await;
    assert_eq!(answer.status, 200);
    let expected = json!({"nodes": [{
        "id": "node_1",
        "boot": "0000000000000abc",
        "name": "kitchen",
        "version": "0.1.0",
        "roles": ["all"],
        "state": "draining",
        "started_at": 1_795_953_540_000_u64,
        "announced_at": 1_795_953_600_000_u64,
        "sessions": 12,
        "followed": 3,
        "key_versions": [1],
        "addresses": {"public": "http://127.0.0.1:7300"},
    }]});
    assert_eq!(answer.body, expected);

    world.clock.advance(LEASE);
    let answer = world.call("GET", "/admin/v1/nodes", None).await;
    assert_eq!(answer.body, json!({"nodes": []}));
}
