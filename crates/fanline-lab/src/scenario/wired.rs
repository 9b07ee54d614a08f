//! The ground of scenarios that cut links: every Redis server and every Fanline server in a host of its own.

use std::ffi::OsString;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use fanline_testkit::network::{Host, Network};
use fanline_testkit::redis::{Node as RedisNode, RedisCluster};

use crate::stage::{Ground, Node, Spot, Stage};

/// More than a run has servers.
const HOSTS: usize = 8;

/// The network, and where each Fanline server is.
pub(super) struct Wired {
    hosts: Vec<Arc<Host>>,
    _network: Network,
}

/// Why there is no such ground here, if so.
pub(super) fn obstacle() -> Option<String> {
    Network::obstacle().map(str::to_owned)
}

/// A cluster and room for the servers, in a network of their own.
pub(super) async fn ground() -> Result<Ground> {
    let network = Network::start()?;
    let cluster = RedisCluster::start_in(&network).await?;
    let hosts: Vec<_> = (0..HOSTS).map(|_| network.host()).collect::<Result<_>>()?;
    let redis = cluster.addresses();
    let spots: Vec<_> = hosts.iter().map(|host| spot(host, &redis)).collect();
    let wired = Wired {
        hosts,
        _network: network,
    };
    let spots = move |number: usize| spots[number % HOSTS].clone();
    Ok(Ground::new(cluster, spots, wired))
}

fn spot(host: &Host, redis: &[String]) -> Spot {
    let before = ["ip", "netns", "exec", host.name()];
    Spot {
        before: before.map(OsString::from).to_vec(),
        listen: format!("{}:0", host.front()),
        redis: redis.to_vec(),
        environment: Vec::new(),
    }
}

/// The host of a server.
pub(super) fn host_of(stage: &Stage, node: &Node) -> Result<Arc<Host>> {
    let place = stage
        .nodes()
        .all()
        .iter()
        .position(|other| other.name() == node.name())
        .context("the server is one of the run")?;
    let wired = stage.ground().network::<Wired>();
    let wired = wired.context("this scenario brings its own ground")?;
    wired.hosts.get(place).cloned().context("it has a host")
}

/// The host of a Redis server.
pub(super) fn host_of_redis(stage: &Stage, node: RedisNode) -> Result<&Arc<Host>> {
    let host = stage.cluster().server(node).host();
    host.context("this scenario brings its own ground")
}
