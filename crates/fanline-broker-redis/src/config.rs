//! Where Redis is, and how patient to be with it.

use std::fmt;
use std::time::Duration;

use crate::connector::RedisTls;

/// How to reach Redis.
#[derive(Clone)]
pub struct RedisConfig {
    /// Servers to begin with, `host:port`; of a cluster any of them, the others are learnt.
    pub nodes: Vec<String>,
    /// ACL user, if not the default one.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// Speak TLS in this way; plain TCP without.
    pub tls: Option<RedisTls>,
    /// How long a connection may take to open.
    pub connect_within: Duration,
    /// How long one answer may take before the server is taken for dead.
    pub answer_within: Duration,
    /// How long one call may take with all its retries; then its publisher is told.
    pub retry_budget: Duration,
    /// How many replicas must have a message of durability `replicated` before its publisher is answered. The
    /// configured number and no other: not that of the replicas which happen to be connected.
    pub replicas: usize,
    /// How long they may take for one batch, at most two thirds of `answer_within`; after it the batch is tried
    /// again within the retry budget.
    pub replicate_within: Duration,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            nodes: vec!["127.0.0.1:6379".to_owned()],
            username: None,
            password: None,
            tls: None,
            connect_within: Duration::from_secs(1),
            answer_within: Duration::from_millis(1_500),
            retry_budget: Duration::from_secs(6),
            replicas: 1,
            replicate_within: Duration::from_secs(1),
        }
    }
}

/// Without the password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("nodes", &self.nodes)
            .field("username", &self.username)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
