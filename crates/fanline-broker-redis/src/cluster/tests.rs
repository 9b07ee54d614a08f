//! Against real servers: what a caller is told while servers fail, move slots and forget their functions.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "tests, some of which are also measurements"
)]

mod many_servers;
mod one_server;
mod replicated;

use std::time::Duration;

use fanline_testkit::redis::{Node, RedisCluster, RedisServer};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;
use crate::config::RedisConfig;
use crate::topology::Topology;

/// Keeps which ids it has seen, and tells whether it was called as a repetition.
const LIBRARY: LibrarySource = LibrarySource {
    code: "#!lua name=fltest\n\
        redis.register_function('fltest_once', function(keys, args)\n\
            local new = redis.call('HSETNX', keys[1], args[1], '1') == 1\n\
            return (args[2] == '1' and 'repeated ' or 'first ') .. (new and 'new' or 'known')\n\
        end)\n\
        redis.register_function('fltest_refuse', function()\n\
            return redis.error_reply('FLMISMATCH m-1')\n\
        end)",
};

const ANSWER_WITHIN: Duration = Duration::from_millis(500);
const GENEROUS: Duration = Duration::from_secs(30);

/// A cluster under test, and its watch at work.
struct World {
    topology: Arc<TopologyWatch>,
    cluster: Arc<Cluster>,
    watching: JoinHandle<()>,
}

impl World {
    fn over(nodes: Vec<String>, retry_budget: Duration) -> Self {
        let connector = Connector::new(RedisConfig {
            nodes,
            connect_within: ANSWER_WITHIN,
            answer_within: ANSWER_WITHIN,
            retry_budget,
            ..RedisConfig::default()
        });
        let topology = TopologyWatch::new(connector.clone());
        let watching = tokio::spawn(Arc::clone(&topology).run(std::future::pending()));
        let cluster = Cluster::new(connector, Arc::clone(&topology), LIBRARY);
        Self {
            topology,
            cluster,
            watching,
        }
    }

    async fn once(&self, key: &str, id: &str) -> Result<String, CallError> {
        self.cluster.call(once(key, id)).await.map(text)
    }

    async fn until(&self, holds: impl Fn(&Topology) -> bool) -> Arc<Topology> {
        let view = self.topology.wait_for(holds);
        timeout(GENEROUS, view).await.unwrap()
    }

    /// Where a key's calls go.
    async fn address_of(&self, key: &str) -> String {
        let slot = slot(key.as_bytes());
        let view = self.until(|view| view.primary_of(slot).is_some()).await;
        view.primary_of(slot).unwrap().address.to_string()
    }

    async fn node_of(&self, key: &str, redis: &RedisCluster) -> Node {
        redis.at(&self.address_of(key).await).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

fn once(key: &str, id: &str) -> Call {
    Call {
        function: "fltest_once",
        key: Bytes::copy_from_slice(key.as_bytes()),
        args: vec![
            Bytes::copy_from_slice(id.as_bytes()),
            Bytes::from_static(b"0"),
        ],
        more_keys: Vec::new(),
        retry_flag: Some(1),
    }
}

fn text(value: Value) -> String {
    redis::from_redis_value(value).unwrap()
}

async fn tell(server: &RedisServer, words: &[&str]) -> Value {
    let mut command = redis::cmd(words.first().unwrap());
    for word in words.iter().skip(1) {
        command.arg(*word);
    }
    let mut connection = server.connect().await.unwrap();
    command.query_async(&mut connection).await.unwrap()
}
