//! Two nodes of one installation, on one Redis Cluster: a position that one of them gave holds on the other,
//! and through a failover.

use std::time::Duration;

use fanline_e2e::{Installation, Native, Server};
use fanline_testkit::redis::RedisCluster;
use serde_json::{Value, json};

/// A cluster that a test may upset, and two nodes that share one file of apps and nothing else.
struct Nodes {
    cluster: RedisCluster,
    one: Server,
    two: Server,
    installation: Installation,
}

impl Nodes {
    async fn start() -> Self {
        let cluster = RedisCluster::start().await.unwrap();
        let installation = Installation::new();
        let nodes = cluster.addresses();
        Self {
            one: installation.start_on_redis(&nodes),
            two: installation.start_on_redis(&nodes),
            cluster,
            installation,
        }
    }
}

fn position(frame: &Value) -> Value {
    json!({"epoch": frame["epoch"], "seq": frame["seq"]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_of_one_node_holds_on_the_other() {
    let nodes = Nodes::start().await;
    let data_dir = nodes.installation.data_dir();
    assert!(!data_dir.exists(), "a node keeps nothing on its disk");
    let channel = json!([{"channel": "orders.1"}]);
    let mut here = Native::connect(&nodes.one, None, channel.clone()).await;
    let mut there = Native::connect(&nodes.two, None, channel).await;
    here.next_of("caught_up").await;
    there.next_of("caught_up").await;
    nodes.two.publish("orders.1", json!({"data": 1})).await;
    let first = here.next_of("message").await;
    assert_eq!(position(&first), position(&there.next_of("message").await));
    here.cut();
    for data in 2..=3 {
        nodes.one.publish("orders.1", json!({"data": data})).await;
    }
    nodes.two.has_heard("orders.1", 3, None).await;
    let since = position(&first);
    let offered = json!([{"channel": "orders.1", "since": since}]);
    let mut back = Native::connect(&nodes.two, None, offered).await;
    let subscribed = back.next_of("subscribed").await;
    assert_eq!(
        (&subscribed["continuity"], &subscribed["from"]),
        (&json!("kept"), &since)
    );
    for data in 2..=3 {
        let (late, live) = (
            back.next_of("message").await,
            there.next_of("message").await,
        );
        assert_eq!((&late["data"], &live["data"]), (&json!(data), &json!(data)));
        assert_eq!(position(&late), position(&live));
    }
}

/// Every message that was acknowledged arrives once and in order, or a fork says which may not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_of_every_primary_leaves_no_silent_gap() {
    const CHANNELS: usize = 12;
    let nodes = Nodes::start().await;
    let mut clients = Vec::new();
    for n in 0..CHANNELS {
        let channel = json!([{"channel": format!("orders.{n}")}]);
        let mut client = Native::connect(&nodes.one, None, channel).await;
        client.next_of("caught_up").await;
        clients.push(client);
    }
    for round in 0..2 {
        publish_everywhere(&nodes.two, CHANNELS, &format!("before {round}")).await;
        for slot in [0, 8_000, 16_000] {
            let primary = nodes.cluster.primary_of(slot).await.unwrap();
            let replica = nodes.cluster.replica_of(primary).await.unwrap();
            nodes.cluster.failover_to(replica).await.unwrap();
            nodes.cluster.wait_until_settled().await.unwrap();
        }
        publish_everywhere(&nodes.two, CHANNELS, &format!("after {round}")).await;
    }
    for client in &mut clients {
        let mut heard = Vec::new();
        let mut held = None;
        while heard.last().is_none_or(|last| last != "after 1") {
            let frame = tokio::time::timeout(Duration::from_secs(30), client.next())
                .await
                .expect("every acknowledged message arrives");
            match frame["type"].as_str() {
                Some("message") => {
                    let seq = frame["seq"].as_u64().unwrap();
                    assert!(
                        held.is_none_or(|held| seq == held + 1),
                        "{seq} after {held:?}"
                    );
                    held = Some(seq);
                    heard.push(frame["data"].as_str().unwrap().to_owned());
                }
                // A planned failover loses nothing, and cannot prove it: it is a fork at the head.
                Some("continuity") => assert_eq!(frame["continuity"], "forked", "{frame}"),
                Some("ping" | "caught_up") => {}
                _ => panic!("unexpected: {frame}"),
            }
        }
        assert_eq!(heard, ["before 0", "after 0", "before 1", "after 1"]);
    }
}

async fn publish_everywhere(server: &Server, channels: usize, data: &str) {
    for n in 0..channels {
        let body = json!({"data": data});
        server.publish(&format!("orders.{n}"), body).await;
    }
}
