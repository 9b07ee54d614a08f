//! What the servers stand on: the Redis Cluster, and for each server a spot on the network.

use std::any::Any;
use std::ffi::OsString;
use std::fmt;

use anyhow::Result;
use fanline_testkit::redis::RedisCluster;

/// The cluster, and where each server is put.
pub struct Ground {
    cluster: RedisCluster,
    /// Where this machine itself reaches Redis.
    redis: Vec<String>,
    spots: Box<dyn Fn(usize) -> Spot + Send + Sync>,
    network: Box<dyn Any + Send + Sync>,
}

/// Where a server is put.
#[derive(Clone, Debug)]
pub struct Spot {
    /// What stands before the program's name, as `ip netns exec NAME`; usually nothing.
    pub before: Vec<OsString>,
    /// The address that it listens on; with port 0 a free one.
    pub listen: String,
    /// The Redis servers that it is told of.
    pub redis: Vec<String>,
    /// Variables of its environment, beside those of its settings.
    pub environment: Vec<(&'static str, OsString)>,
}

// === impl Ground ===

impl Ground {
    /// Everything on 127.0.0.1, on ports of the system's choice.
    pub async fn on_loopback() -> Result<Self> {
        let cluster = RedisCluster::start().await?;
        let redis = cluster.addresses();
        let spot = move |_| Spot {
            before: Vec::new(),
            listen: "127.0.0.1:0".to_owned(),
            redis: redis.clone(),
            environment: Vec::new(),
        };
        Ok(Self::new(cluster, spot, ()))
    }

    /// A ground of another make. `spots` says where the server of a number (from 0, over all tenants) is put;
    /// `network` is whatever must live as long as this, and what [`Ground::network`] gives to scenarios that know it.
    pub fn new(
        cluster: RedisCluster,
        spots: impl Fn(usize) -> Spot + Send + Sync + 'static,
        network: impl Any + Send + Sync,
    ) -> Self {
        Self {
            redis: cluster.addresses(),
            cluster,
            spots: Box::new(spots),
            network: Box::new(network),
        }
    }

    /// The same on one plain Redis at this address, and no cluster.
    #[must_use]
    pub fn without_cluster(
        redis: String,
        spots: impl Fn(usize) -> Spot + Send + Sync + 'static,
        network: impl Any + Send + Sync,
    ) -> Self {
        Self {
            redis: vec![redis],
            ..Self::new(RedisCluster::default(), spots, network)
        }
    }

    /// Where the lab itself reaches Redis.
    #[must_use]
    pub fn redis(&self) -> &[String] {
        &self.redis
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &RedisCluster {
        &self.cluster
    }

    /// Where the server of this number is put.
    #[must_use]
    pub fn spot(&self, number: usize) -> Spot {
        (self.spots)(number)
    }

    /// The network that the scenario made with this ground, if it is of this type.
    #[must_use]
    pub fn network<T: Any>(&self) -> Option<&T> {
        self.network.downcast_ref()
    }
}

impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ground")
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}
