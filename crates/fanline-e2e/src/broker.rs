//! Which broker the servers of a test are on.

use std::time::{Duration, Instant};

use crate::client::Native;
use crate::server::{Server, patience};

/// Every test holds on either. Where the two promise different things, the test says which to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    /// The server's own memory.
    Embedded,
    /// A Redis Cluster beside the tests, as `with_redis_cluster` of fanline-testkit starts one.
    Redis,
}

// === impl Broker ===

impl Broker {
    /// The one that this run's environment names, which every server of it inherits.
    pub fn under_test() -> Self {
        match std::env::var("FANLINE_BROKER_KIND").as_deref() {
            Ok("redis") => Self::Redis,
            _ => Self::Embedded,
        }
    }
}

// === impl Server ===

impl Server {
    /// Waits until this node has heard of a channel's message with this number.
    ///
    /// The embedded broker has handed a message to every listener when the publish is answered. Redis
    /// answers the publisher first: whoever subscribes at that moment is told the head before it.
    pub async fn has_heard(&self, channel: &str, seq: u64, token: Option<&str>) {
        let deadline = Instant::now() + patience(Duration::from_secs(20));
        loop {
            let mut client = Native::connect(self, token, serde_json::json!([])).await;
            let subscribed = client.subscribe(channel, None).await;
            if subscribed["head"]["seq"]
                .as_u64()
                .is_some_and(|head| head >= seq)
            {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{channel} never came to {seq}: {subscribed}"
            );
        }
    }
}
