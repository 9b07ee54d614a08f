//! What the registry says of nodes.

use std::time::Duration;

use fanline_broker::{NodeInfo, NodeState};

use super::harness::NodesHarness;
use super::stage::{Stage, node, restarted};

/// Every word of it, whatever characters people gave it.
pub async fn whoever_announced_itself_is_listed_with_all_it_said(harness: &dyn NodesHarness) {
    let stage = Stage::open(harness).await;
    let said = NodeInfo {
        name: "küche \"1\"\n".to_owned(),
        version: "0.1.0-rc.1".to_owned(),
        roles: vec!["edge".to_owned(), "publish".to_owned()],
        uptime: Duration::from_millis(1_234),
        state: NodeState::Degraded,
        sessions: 1 << 40,
        followed: 7,
        key_versions: vec![1, 3],
        addresses: [("public".to_owned(), "http://[::1]:7300".to_owned())].into(),
        ..node("")
    };
    stage.announce(&said).await;
    assert_eq!(stage.listed().await, [said]);
}

/// A later announcement replaces the earlier one, of another life too.
pub async fn a_node_is_listed_once_with_what_it_said_last(harness: &dyn NodesHarness) {
    let stage = Stage::open(harness).await;
    let first = node("one");
    stage.announce(&first).await;
    let draining = NodeInfo {
        state: NodeState::Draining,
        ..first.clone()
    };
    stage.announce(&draining).await;
    assert_eq!(stage.listed().await, [draining]);
    let next = restarted(&first);
    stage.announce(&next).await;
    assert_eq!(stage.listed().await, [next]);
}

/// The order does not depend on who came first.
pub async fn nodes_are_listed_by_name_and_id(harness: &dyn NodesHarness) {
    let stage = Stage::open(harness).await;
    let mut nodes = ["b", "a", "c", "b"].map(node);
    for node in &nodes {
        stage.announce(node).await;
    }
    nodes.sort_by_key(|node| (node.name.clone(), node.id.clone()));
    assert_eq!(stage.listed().await, nodes);
}

/// A node says only how long it has been running.
pub async fn the_start_of_a_node_is_told_by_the_registry_and_stays_the_same(
    harness: &dyn NodesHarness,
) {
    let stage = Stage::open(harness).await;
    let mut one = node("one");
    one.uptime = Duration::from_secs(60);
    stage.announce(&one).await;
    let first = stage.registered().await.remove(0);
    assert_eq!(
        first.announced_at.since(first.started_at),
        Duration::from_secs(60)
    );

    stage.advance(Duration::from_secs(2)).await;
    // A little more or less than what passed there: its clock runs at another pace.
    one.uptime = Duration::from_millis(62_345);
    stage.announce(&one).await;
    let second = stage.registered().await.remove(0);
    assert_eq!(second.started_at, first.started_at);
    assert!(second.announced_at.since(first.announced_at) >= Duration::from_secs(2));

    stage.announce(&restarted(&one)).await;
    let next = stage.registered().await.remove(0);
    assert_eq!(next.started_at, next.announced_at, "another life");
}

/// An empty list is no error.
pub async fn nobody_is_listed_before_somebody_announced_itself(harness: &dyn NodesHarness) {
    let stage = Stage::open(harness).await;
    assert_eq!(stage.listed().await, []);
    stage.withdraw(&node("one")).await;
    assert_eq!(stage.listed().await, []);
}
