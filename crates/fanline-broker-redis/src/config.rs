//! Where Redis is, and how patient to be with it.

use std::fmt;
use std::time::Duration;

/// How to reach Redis.
#[derive(Clone)]
pub struct RedisConfig {
    /// Servers to begin with, `host:port`; of a cluster any of them, the others are learnt.
    pub nodes: Vec<String>,
    /// ACL user, if not the default one.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// How long a connection may take to open.
    pub connect_within: Duration,
    /// How long one answer may take before the server is taken for dead.
    pub answer_within: Duration,
    /// How long one call may take with all its retries; then its publisher is told.
    pub retry_budget: Duration,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            nodes: vec!["127.0.0.1:6379".to_owned()],
            username: None,
            password: None,
            connect_within: Duration::from_secs(1),
            answer_within: Duration::from_millis(1_500),
            retry_budget: Duration::from_secs(6),
        }
    }
}

/// Without the password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("nodes", &self.nodes)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}
