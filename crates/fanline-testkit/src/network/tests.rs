//! The network does what it says. Each of these needs root, and says so where it is not given.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::*;
use crate::redis::{RedisCluster, RedisServer};

const SILENCE: Duration = Duration::from_millis(300);
const GENEROUS: Duration = Duration::from_secs(20);

/// A network, or the reason why this test did not run.
fn network() -> Option<Network> {
    if let Some(obstacle) = Network::obstacle() {
        eprintln!("not run: {obstacle}");
        return None;
    }
    Some(Network::start().unwrap())
}

/// A client in one host of the server in another.
struct Caller {
    process: Child,
    hears: UnboundedReceiver<String>,
}

impl Caller {
    fn of(host: &Host, server: &RedisServer) -> Self {
        let there = server.host().unwrap().back().to_string();
        let mut command = host.command("redis-cli");
        command.args(["-h", &there]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let (tell, hears) = unbounded_channel();
        std::thread::spawn(move || {
            answers
                .lines()
                .try_for_each(|line| tell.send(line.unwrap()))
        });
        Self { process, hears }
    }

    fn ask(&self) {
        let mut stdin = self.process.stdin.as_ref().unwrap();
        stdin.write_all(b"PING\n").unwrap();
    }

    async fn hears_within(&mut self, time: Duration) -> bool {
        let answer = timeout(time, self.hears.recv()).await;
        answer.is_ok_and(|answer| answer.unwrap() == "PONG")
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test]
async fn a_cut_link_is_silent_and_heals() {
    let Some(network) = network() else { return };
    let (here, there) = (network.host().unwrap(), network.host().unwrap());
    let server = RedisServer::start_in(Arc::clone(&there)).await.unwrap();
    let mut caller = Caller::of(&here, &server);
    caller.ask();
    assert!(caller.hears_within(GENEROUS).await);

    there.cut().unwrap();
    caller.ask();
    assert!(!caller.hears_within(SILENCE).await);
    // The test's own way is never cut.
    server.connect().await.unwrap();
    there.heal().unwrap();
    // The very question that was lost: TCP sends it again.
    assert!(caller.hears_within(GENEROUS).await);
}

#[tokio::test]
async fn each_side_of_a_divided_network_hears_itself_only() {
    let Some(network) = network() else { return };
    let hosts = [(); 3].map(|()| network.host().unwrap());
    let [near, other, home] = &hosts;
    let server = RedisServer::start_in(Arc::clone(home)).await.unwrap();
    let mut callers = [near, other].map(|host| Caller::of(host, &server));
    for caller in &mut callers {
        caller.ask();
        assert!(caller.hears_within(GENEROUS).await);
    }
    home.join(Side::Far).unwrap();
    near.join(Side::Far).unwrap();
    let [with_it, without_it] = &mut callers;
    with_it.ask();
    without_it.ask();
    assert!(with_it.hears_within(GENEROUS).await);
    assert!(!without_it.hears_within(SILENCE).await);
}

#[tokio::test]
async fn two_hosts_are_cut_from_each_other_and_from_nobody_else() {
    let Some(network) = network() else { return };
    let hosts = [(); 3].map(|()| network.host().unwrap());
    let [cut, other, home] = &hosts;
    let server = RedisServer::start_in(Arc::clone(home)).await.unwrap();
    let mut callers = [cut, other].map(|host| Caller::of(host, &server));
    for caller in &mut callers {
        caller.ask();
        assert!(caller.hears_within(GENEROUS).await);
    }
    cut.cut_from(home).unwrap();
    callers.iter().for_each(Caller::ask);
    let [without_it, with_it] = &mut callers;
    assert!(with_it.hears_within(GENEROUS).await);
    assert!(!without_it.hears_within(SILENCE).await);
    cut.heal_with(home).unwrap();
    assert!(without_it.hears_within(GENEROUS).await);
}

#[tokio::test]
async fn a_primary_that_is_cut_off_is_succeeded_and_yields_when_it_is_back() {
    let Some(network) = network() else { return };
    let cluster = RedisCluster::start_in(&network).await.unwrap();
    let primary = cluster.primary_of(0).await.unwrap();
    let replica = cluster.replica_of(primary).await.unwrap();
    let host = cluster.server(primary).host().unwrap();
    host.cut().unwrap();
    timeout(GENEROUS, async {
        while cluster.primary_of(0).await.unwrap() != replica {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    host.heal().unwrap();
    cluster.wait_until_settled().await.unwrap();
    assert_eq!(cluster.replica_of(replica).await.unwrap(), primary);
}

#[tokio::test]
async fn nothing_of_a_network_is_left_behind() {
    let Some(network) = network() else { return };
    let host = network.host().unwrap();
    let server = RedisServer::start_in(Arc::clone(&host)).await.unwrap();
    let names = [network.switch.name(), host.name()].map(|name| Path::new("/run/netns").join(name));
    assert!(names.iter().all(|name| name.exists()));
    drop((server, host, network));
    assert!(!names.iter().any(|name| name.exists()));
}
