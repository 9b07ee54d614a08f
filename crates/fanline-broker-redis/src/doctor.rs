//! Examines an installation of Redis before, or while, it is used: what is there, whether it is set as it must
//! be, and what to do about the rest.
//!
//! It changes nothing: it loads no function, writes no key, and closes what it opened.

mod checks;
mod finding;
mod survey;

use std::collections::BTreeSet;

use fanline_model::Clock;
use futures_util::future::join_all;

use crate::config::RedisConfig;
use crate::connector::Connector;
use crate::topology::{Address, Marks, Sight, Topology, View};
use survey::{Facts, Failure};

pub use finding::{Finding, Verdict};

/// What was found out, of every server that the configuration names and the cluster knows.
struct Examination<'a> {
    config: &'a RedisConfig,
    /// What is written in place of an address that cannot be read.
    unreadable: Vec<String>,
    reached: Vec<Facts>,
    failed: Vec<Failure>,
    /// Who serves which slot, by the first server that could tell.
    topology: Option<Topology>,
    /// The cluster, unless it is a single server.
    view: Option<View>,
}

/// Everything that there is to say.
pub async fn examine(config: &RedisConfig, clock: &dyn Clock) -> Vec<Finding> {
    let examination = Examination::of(config, clock).await;
    checks::ALL
        .iter()
        .flat_map(|check| check(&examination))
        .collect()
}

// === impl Examination ===

impl<'a> Examination<'a> {
    async fn of(config: &'a RedisConfig, clock: &dyn Clock) -> Self {
        let connector = Connector::new(config.clone());
        let mut examination = Self {
            config,
            unreadable: Vec::new(),
            reached: Vec::new(),
            failed: Vec::new(),
            topology: None,
            view: None,
        };
        let mut seeds = BTreeSet::new();
        for node in &config.nodes {
            match Address::parse(node) {
                Some(address) => {
                    seeds.insert(address);
                }
                None => examination.unreadable.push(node.clone()),
            }
        }
        examination.visit(&connector, clock, &seeds).await;
        let known: BTreeSet<Address> = match &examination.view {
            Some(view) => view.addresses().cloned().collect(),
            None => BTreeSet::new(),
        };
        let learnt = known.difference(&seeds).cloned().collect();
        examination.visit(&connector, clock, &learnt).await;
        examination.probe(&connector).await;
        examination
    }

    async fn visit(
        &mut self,
        connector: &Connector,
        clock: &dyn Clock,
        addresses: &BTreeSet<Address>,
    ) {
        let visits = addresses
            .iter()
            .map(|address| survey::visit(connector, clock, address.clone()));
        for visited in join_all(visits).await {
            match visited {
                Ok((facts, sight)) => {
                    self.reached.push(facts);
                    if self.topology.is_none() {
                        self.believe(sight);
                    }
                }
                Err(failure) => self.failed.push(failure),
            }
        }
    }

    /// Tries what a node does; only now is it known who serves which slot.
    async fn probe(&mut self, connector: &Connector) {
        let topology = self.topology.as_ref();
        let reached = self.reached.iter_mut();
        join_all(reached.map(|facts| facts.probe(connector, topology))).await;
    }

    fn believe(&mut self, sight: Sight) {
        match sight {
            Sight::Single(topology) => self.topology = Some(topology),
            Sight::Cluster(view) => {
                self.topology = Some(view.topology(&Marks::new()));
                self.view = Some(view);
            }
        }
    }

    fn primaries(&self) -> impl Iterator<Item = &Facts> {
        self.reached.iter().filter(|facts| facts.is_primary())
    }
}
