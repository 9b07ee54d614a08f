//! Makes a cluster of six fresh servers, in about the two seconds for which Redis lets a new primary
//! refuse (`CLUSTER_WRITABLE_DELAY`).
//!
//! By our own commands: `redis-cli --cluster create` joins first and waits between its steps, while here
//! every node is given its slots at once and told of all others.

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;

use super::Member;
use crate::network::Network;
use crate::redis::server::{self, Launch, RedisServer};
use crate::redis::wait;

const PRIMARIES: u16 = 3;
/// Each has one.
const REPLICAS: u16 = PRIMARIES;
const SLOTS: u16 = 16_384;

const SETTINGS: &[(&str, &str)] = &[
    ("cluster-enabled", "yes"),
    // How long a primary may be silent before it is suspected.
    ("cluster-node-timeout", "2000"),
    ("cluster-allow-reads-when-down", "no"),
    // What `fanline doctor` advises: else a primary without replicas changes its name after an hour.
    ("repl-backlog-ttl", "0"),
    // Replicas begin at once.
    ("repl-diskless-sync-delay", "0"),
];

/// The members, joined; they have yet to agree.
pub(super) async fn form(network: Option<&Network>) -> Result<Vec<Member>> {
    let members =
        try_join_all((0..PRIMARIES + REPLICAS).map(|number| start(number, network))).await?;
    introduce(&members).await?;
    // The servers stand in the order of their numbers: a primary's replica comes three places later.
    let (primaries, replicas) = members.split_at(usize::from(PRIMARIES));
    try_join_all(primaries.iter().zip(replicas).map(follow)).await?;
    Ok(members)
}

/// A server that knows nobody yet, with its slots if it is to be a primary.
async fn start(number: u16, network: Option<&Network>) -> Result<Member> {
    let launch = Launch {
        settings: SETTINGS.to_vec(),
        host: network.map(Network::host).transpose()?,
        in_cluster: true,
        ..Launch::default()
    };
    let server = RedisServer::launch(server::directory()?, launch).await?;
    let id = server.ask(redis::cmd("CLUSTER").arg("MYID")).await?;

    // Distinct from the start, else the nodes would settle it among themselves, one after the other.
    let mut epoch = redis::cmd("CLUSTER");
    epoch.arg("SET-CONFIG-EPOCH").arg(number + 1);
    server.ask::<()>(&epoch).await?;
    if number < PRIMARIES {
        let mut slots = redis::cmd("CLUSTER");
        slots
            .arg("ADDSLOTSRANGE")
            .arg(first_slot(number))
            .arg(first_slot(number + 1) - 1);
        server.ask::<()>(&slots).await?;
    }
    Ok(Member { server, id })
}

/// Where the slots of a primary begin; they end where the next one's do.
fn first_slot(number: u16) -> u16 {
    let share = SLOTS / PRIMARIES;
    if number == PRIMARIES {
        SLOTS
    } else {
        number * share
    }
}

/// Tells each node of all that come after it, so that nobody waits for gossip.
async fn introduce(members: &[Member]) -> Result<()> {
    for (place, member) in members.iter().enumerate() {
        for other in members.iter().skip(place + 1) {
            let (port, cluster_port) = other.server.ports();
            let mut meet = redis::cmd("CLUSTER");
            meet.arg("MEET")
                .arg(other.server.ip().to_string())
                .arg(port)
                .arg(cluster_port.context("a member of a cluster has a port for the others")?);
            member.server.ask::<()>(&meet).await?;
        }
    }
    Ok(())
}

/// Refused until the replica has shaken hands with its primary.
async fn follow((primary, replica): (&Member, &Member)) -> Result<()> {
    let mut replicate = redis::cmd("CLUSTER");
    replicate.arg("REPLICATE").arg(&primary.id);
    let refused_or_not = || replica.server.ask::<()>(&replicate);
    wait::until("a replica meets its primary", refused_or_not).await
}
