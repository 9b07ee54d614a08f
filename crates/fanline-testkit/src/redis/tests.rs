//! The rig does to Redis what it says.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::Duration;

use redis::AsyncCommands as _;

use super::*;

/// The slot of the key `foo`.
const SLOT: u16 = 12_182;
const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn two_servers_are_two_and_leave_nothing_behind() {
    let one = RedisServer::start().await.unwrap();
    let other = RedisServer::start().await.unwrap();
    let () = one.connect().await.unwrap().set("foo", 1).await.unwrap();
    let foreign: Option<u32> = other.connect().await.unwrap().get("foo").await.unwrap();
    assert_eq!(foreign, None);

    let directory = one.directory().to_owned();
    assert!(directory.exists());
    drop(one);
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_killed_server_comes_back_empty_at_its_address() {
    let server = RedisServer::start().await.unwrap();
    let address = server.address();
    let () = server.connect().await.unwrap().set("foo", 1).await.unwrap();
    server.kill();
    assert!(!server.is_running());
    assert!(server.connect().await.is_err());
    assert!(server.freeze().is_err());

    server.restart().await.unwrap();
    assert_eq!(server.address(), address);
    let kept: Option<u32> = server.connect().await.unwrap().get("foo").await.unwrap();
    assert_eq!(kept, None);
}

#[tokio::test]
async fn a_frozen_server_is_silent_until_it_is_thawed() {
    let server = RedisServer::start().await.unwrap();
    let mut connection = server.connect().await.unwrap();
    server.freeze().unwrap();
    assert!(!server.is_running());
    let mut asking = std::pin::pin!(connection.ping::<String>());
    let silence = Duration::from_millis(100);
    assert!(tokio::time::timeout(silence, &mut asking).await.is_err());
    server.thaw().unwrap();
    assert_eq!(asking.await.unwrap(), "PONG");
}

#[tokio::test]
async fn a_moved_clock_expires_a_key_of_one_hour() {
    let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
    let mut connection = server.connect().await.unwrap();
    let milliseconds = 3_600_000;
    let () = connection.set("foo", 1).await.unwrap();
    let () = connection.pexpire("foo", milliseconds).await.unwrap();

    clock.advance(HOUR - Duration::from_secs(10)).await.unwrap();
    let left: i64 = connection.pttl("foo").await.unwrap();
    assert!((1..=10_000).contains(&left), "{left} ms left");
    clock.advance(Duration::from_secs(10)).await.unwrap();
    assert!(!connection.exists::<_, bool>("foo").await.unwrap());
}

#[test]
fn any_program_sees_the_clock_that_it_is_started_with() {
    let directory = tempfile::tempdir().unwrap();
    let clock = WallClock::kept_in(directory.path()).unwrap();
    let look = || -> u64 {
        let mut date = std::process::Command::new("date");
        date.arg("+%s").envs(clock.environment().unwrap());
        let seen = String::from_utf8(date.output().unwrap().stdout).unwrap();
        seen.trim().parse().unwrap()
    };
    let right = look();
    clock.set_ahead(HOUR).unwrap();
    assert!(look() >= right + HOUR.as_secs());
    clock.set_behind(HOUR).unwrap();
    assert!(look() < right);
}

#[tokio::test]
async fn a_clock_moves_by_what_it_is_told() {
    let (_server, clock) = RedisServer::with_movable_clock().await.unwrap();
    let mut total = Duration::ZERO;
    let (start, started) = (clock.now().await.unwrap(), tokio::time::Instant::now());
    for step in [HOUR, Duration::from_millis(1), Duration::from_millis(1_250)] {
        clock.advance(step).await.unwrap();
        total += step;
    }
    let moved = clock.now().await.unwrap() - start;
    let passed = started.elapsed();
    // Both readings of the server's clock lie outside or inside ours by at most one answer.
    let error = moved.abs_diff(total + passed);
    assert!(error <= Duration::from_millis(50), "off by {error:?}");
}

#[tokio::test]
async fn a_clock_that_is_turned_back_gives_a_key_its_hour_again() {
    let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
    let mut connection = server.connect().await.unwrap();
    let () = connection.set("foo", 1).await.unwrap();
    let () = connection.pexpire("foo", 60_000).await.unwrap();
    let start = clock.now().await.unwrap();
    clock.turn_back(HOUR).await.unwrap();
    assert!(clock.now().await.unwrap() < start);
    let left: i64 = connection.pttl("foo").await.unwrap();
    assert!((3_600_000..=3_660_000).contains(&left), "{left} ms left");
    clock.advance(HOUR).await.unwrap();
    let left: i64 = connection.pttl("foo").await.unwrap();
    assert!((1..=60_000).contains(&left), "{left} ms left");
}

#[tokio::test]
async fn a_killed_server_with_a_moved_clock_leaves_no_shared_memory() {
    let (server, _clock) = RedisServer::with_movable_clock().await.unwrap();
    let id = server.process_id().unwrap();
    let shared = format!("/dev/shm/faketime_shm_{id}");
    assert!(Path::new(&shared).exists());
    drop(server);
    assert!(!Path::new(&shared).exists());
}

#[tokio::test]
async fn a_planned_failover_moves_the_primary() {
    let cluster = RedisCluster::start().await.unwrap();
    let before = cluster.primary_of(SLOT).await.unwrap();
    let replica = cluster.replica_of(before).await.unwrap();
    cluster.failover_to(replica).await.unwrap();
    assert_eq!(cluster.primary_of(SLOT).await.unwrap(), replica);
    cluster.wait_until_settled().await.unwrap();
    assert_eq!(cluster.replica_of(replica).await.unwrap(), before);
}

#[tokio::test]
async fn a_slot_moves_with_its_keys() {
    let cluster = RedisCluster::start().await.unwrap();
    let from = cluster.primary_of(SLOT).await.unwrap();
    let to = cluster.primary_of(0).await.unwrap();
    let mut old = cluster.server(from).connect().await.unwrap();
    let () = old.set("foo", 1).await.unwrap();

    let moving = cluster.begin_moving_slot(SLOT, to).await.unwrap();
    assert_eq!((moving.from(), moving.to()), (from, to));
    assert_eq!(old.get::<_, u32>("foo").await.unwrap(), 1);
    moving.carry_keys().await.unwrap();
    let asked = old.get::<_, u32>("foo").await.unwrap_err();
    assert_eq!(asked.code(), Some("ASK"));

    moving.finish().await.unwrap();
    assert_eq!(cluster.primary_of(SLOT).await.unwrap(), to);
    let moved = old.get::<_, u32>("foo").await.unwrap_err();
    assert_eq!(moved.code(), Some("MOVED"));
    let mut new = cluster.server(to).connect().await.unwrap();
    assert_eq!(new.get::<_, u32>("foo").await.unwrap(), 1);
    cluster.wait_until_settled().await.unwrap();
}

#[tokio::test]
async fn a_killed_primary_is_succeeded_and_comes_back_as_a_replica() {
    let cluster = RedisCluster::start().await.unwrap();
    let primary = cluster.primary_of(SLOT).await.unwrap();
    let replica = cluster.replica_of(primary).await.unwrap();
    cluster.server(primary).kill();
    cluster.wait_until_settled().await.unwrap();
    assert_eq!(cluster.primary_of(SLOT).await.unwrap(), replica);
    cluster.server(primary).restart().await.unwrap();
    cluster.wait_until_settled().await.unwrap();
    assert_eq!(cluster.replica_of(replica).await.unwrap(), primary);
}

#[tokio::test]
async fn a_frozen_primary_is_succeeded_and_yields_when_it_wakes() {
    let cluster = RedisCluster::start().await.unwrap();
    let primary = cluster.primary_of(SLOT).await.unwrap();
    let replica = cluster.replica_of(primary).await.unwrap();
    cluster.server(primary).freeze().unwrap();
    cluster.wait_until_settled().await.unwrap();
    assert_eq!(cluster.primary_of(SLOT).await.unwrap(), replica);
    cluster.server(primary).thaw().unwrap();
    cluster.wait_until_settled().await.unwrap();
    assert_eq!(cluster.replica_of(replica).await.unwrap(), primary);
}

/// Harnesses of suites are started from futures that move between threads.
#[test]
fn starting_may_move_between_threads() {
    fn movable<T: Send>(_: T) {}
    movable(RedisServer::start());
    movable(RedisServer::with_movable_clock());
    movable(RedisCluster::start());
}
