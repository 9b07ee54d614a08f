//! What the nodes of an installation tell each other beside messages: that an app changed, and that they are there.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use bytes::Bytes;
use fanline_e2e::{Native, Server, patience};
use fanline_testkit::redis::RedisServer;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

const PAUSE: Duration = Duration::from_millis(50);

/// Two nodes on one Redis and one store: the second one's data directory has a link to the first one's database.
struct Nodes {
    one: Server,
    two: Server,
    redis: RedisServer,
    _directories: [TempDir; 2],
}

impl Nodes {
    async fn start() -> Self {
        let redis = RedisServer::start().await.unwrap();
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [first, second] = [directories[0].path(), directories[1].path()];
        Server::start_in(first).stop();
        for file in ["credentials.json", "keys.json"] {
            fs::copy(first.join(file), second.join(file)).unwrap();
        }
        std::os::unix::fs::symlink(first.join("fanline.db"), second.join("fanline.db")).unwrap();
        let address = redis.address();
        let start = |directory, name| {
            let environment = [
                ("FANLINE_BROKER_KIND", "redis"),
                ("FANLINE_REDIS_NODES", address.as_str()),
                ("FANLINE_NAME", name),
            ];
            Server::start_in_with(directory, &environment)
        };
        let nodes = Self {
            one: start(first, "one"),
            two: start(second, "two"),
            redis,
            _directories: directories,
        };
        for node in [&nodes.one, &nodes.two] {
            until_metric(node, "fanline_signals_subscribed 1").await;
        }
        nodes
    }
}

async fn until_metric(server: &Server, line: &str) {
    let url = format!("{}/metrics", server.info.ops_url);
    let shown = async {
        loop {
            let request = Request::get(&url).body(Full::new(Bytes::new())).unwrap();
            let metrics = server.request(request).await.text;
            if metrics.lines().any(|found| found == line) {
                return;
            }
            sleep(PAUSE).await;
        }
    };
    let shown = timeout(patience(Duration::from_secs(20)), shown).await;
    assert!(shown.is_ok(), "never {line}");
}

async fn listed(server: &Server) -> Vec<Value> {
    let answer = server.admin("GET", "/admin/v1/nodes", None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["nodes"].as_array().unwrap().clone()
}

async fn until_listed(server: &Server, names: &[&str]) -> Vec<Value> {
    let wait = async {
        loop {
            let nodes = listed(server).await;
            if nodes.iter().map(|node| &node["name"]).eq(names) {
                return nodes;
            }
            sleep(PAUSE).await;
        }
    };
    let listed = timeout(patience(Duration::from_secs(30)), wait).await;
    listed.unwrap_or_else(|_| panic!("never exactly {names:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_that_is_switched_off_on_one_node_is_off_on_the_other() {
    let nodes = Nodes::start().await;
    let mut there = Native::connect(&nodes.two, None, json!([{"channel": "orders.1"}])).await;
    there.next_of("caught_up").await;
    let path = format!("/admin/v1/apps/{}", nodes.one.info.app_id);
    let change = json!({"enabled": false});
    let answer = nodes.one.admin("PATCH", &path, Some(&change)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let closed = timeout(patience(Duration::from_secs(10)), there.until_close()).await;
    assert!(closed.is_ok(), "the other node still serves the app");
    until_metric(&nodes.one, "fanline_signals_sent_total 1").await;
    until_metric(&nodes.two, "fanline_signals_heard_total 1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_answered_and_in_force_here_though_redis_is_away() {
    let nodes = Nodes::start().await;
    nodes.redis.freeze().unwrap();
    let path = format!("/admin/v1/apps/{}", nodes.one.info.app_id);
    let change = json!({"enabled": false});
    let answer = nodes.one.admin("PATCH", &path, Some(&change));
    let answer = timeout(patience(Duration::from_secs(2)), answer).await;
    let answer = answer.expect("no answer waits for Redis");
    assert_eq!(answer.json()["serving"], false, "{answer:?}");
    let shown = nodes.one.admin("GET", &path, None).await;
    assert_eq!(shown.json()["serving"], false);
    nodes.redis.thaw().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_listed_while_they_run_and_not_much_longer() {
    let nodes = Nodes::start().await;
    let both = until_listed(&nodes.one, &["one", "two"]).await;
    assert_eq!(listed(&nodes.two).await.len(), 2, "whichever is asked");
    for (node, server) in both.iter().zip([&nodes.one, &nodes.two]) {
        assert_eq!(node["addresses"]["public"], server.info.url);
        assert_eq!(node["state"], "ready");
        assert_eq!(node["roles"], json!(["all"]));
        assert_eq!(node["key_versions"], json!([1]));
    }
    let ids: BTreeSet<_> = both.iter().map(|node| node["id"].to_string()).collect();
    assert_eq!(ids.len(), 2, "two nodes, though their keys are the same");

    let mut client = Native::connect(&nodes.two, None, json!([{"channel": "orders.1"}])).await;
    client.next_of("caught_up").await;
    let counted = async {
        while listed(&nodes.one).await[1]["sessions"] != 1 {
            sleep(PAUSE).await;
        }
        assert_eq!(listed(&nodes.one).await[1]["followed"], 1);
    };
    timeout(patience(Duration::from_secs(20)), counted)
        .await
        .unwrap();

    nodes.two.kill();
    assert_eq!(listed(&nodes.one).await.len(), 2, "nobody has noticed yet");
    until_listed(&nodes.one, &["one"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_in_an_orderly_manner_is_gone_when_it_has_stopped() {
    let nodes = Nodes::start().await;
    until_listed(&nodes.one, &["one", "two"]).await;
    nodes.two.stop();
    assert_eq!(listed(&nodes.one).await.len(), 1);
}
