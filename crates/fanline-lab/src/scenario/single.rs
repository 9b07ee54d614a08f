//! The ground of scenarios about one Redis that is no cluster: every server reaches it through a proxy of its own.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use fanline_testkit::redis::{MovableClock, Proxy, RedisServer};

use crate::stage::{Ground, Node, Spot, Stage};
use crate::workload::Plan;

/// More than a run has servers.
const PROXIES: usize = 8;

/// One Redis, and what stands before it.
pub(super) struct Single {
    pub(super) proxies: Vec<Proxy>,
    /// The last one takes the place of the first one, where a scenario has two.
    pub(super) servers: Vec<RedisServer>,
    pub(super) clock: Option<MovableClock>,
}

/// What works there: no publish waits for a replica, for there is none.
pub(super) fn plan() -> Plan {
    Plan {
        replicated: 0,
        ..Plan::default()
    }
}

/// The ground of one plain server.
pub(super) async fn ground() -> Result<Ground> {
    of(vec![RedisServer::start().await?], None).await
}

/// The ground of the first of these servers.
pub(super) async fn of(servers: Vec<RedisServer>, clock: Option<MovableClock>) -> Result<Ground> {
    let first = servers.first().context("there is a server")?.address();
    let mut proxies = Vec::new();
    for _ in 0..PROXIES {
        proxies.push(Proxy::before(first.clone()).await?);
    }
    let spot = |proxy: &Proxy| Spot {
        before: Vec::new(),
        listen: "127.0.0.1:0".to_owned(),
        redis: vec![proxy.address()],
        environment: Vec::new(),
    };
    let spots: Vec<_> = proxies.iter().map(spot).collect();
    let single = Single {
        proxies,
        servers,
        clock,
    };
    let spots = move |number: usize| spots[number % PROXIES].clone();
    Ok(Ground::without_cluster(first, spots, single))
}

/// The ground as this module made it.
pub(super) fn on(stage: &Stage) -> Result<&Single> {
    let single = stage.ground().network::<Single>();
    single.context("this scenario brings its own ground")
}

/// What stands before a server.
pub(super) fn proxy_of<'a>(stage: &'a Stage, node: &Arc<Node>) -> Result<&'a Proxy> {
    let nodes = stage.nodes().all();
    let place = nodes.iter().position(|other| other.name() == node.name());
    let proxies = &on(stage)?.proxies;
    let proxy = place.and_then(|place| proxies.get(place));
    proxy.context("every server has a proxy")
}
