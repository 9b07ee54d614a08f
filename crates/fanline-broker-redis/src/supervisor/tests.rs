//! Against real servers: what happens to delivery when they fail, freeze or change places.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "tests, some of which are also measurements"
)]

mod stage;

use std::time::Duration;

use fanline_testkit::redis::{RedisCluster, RedisServer};
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use self::stage::Stage;
use super::Counters;
use crate::slot::slot;

/// One channel on each of the three primaries.
const CHANNELS: [&str; 3] = ["{c}one", "{a}two", "{b}three"];
/// The channel whose primary suffers.
const CHANNEL: &str = CHANNELS[1];
/// Longer than Redis takes to elect a successor, shorter than anybody would call it lost.
const A_FEW_SECONDS: Duration = Duration::from_secs(12);

/// So many channels, spread over all primaries.
const MANY: usize = 10_000;

fn many() -> Vec<String> {
    (0..MANY)
        .map(|number| format!("{{{}}}{number}", number % 1_024))
        .collect()
}

/// A cluster with three followed channels, on one of which messages flow.
macro_rules! delivery_survives {
    ($what:literal, |$cluster:ident| $fault:expr) => {{
        let $cluster = RedisCluster::start().await.unwrap();
        let stage = Stage::open($cluster.addresses());
        for channel in CHANNELS {
            stage.follow(channel).await;
        }
        let publisher = stage.publisher(CHANNEL);
        stage.until_heard_more(CHANNEL, 20).await;
        let at = Instant::now();
        $fault;
        stage
            .until("the interruption is told", |stage| {
                stage.was_interrupted(CHANNEL)
            })
            .await;
        let told = at.elapsed();
        stage.until_heard_more(CHANNEL, 20).await;
        let silence = stage.longest_silence(CHANNEL);
        eprintln!("{}: silent for {silence:?}, told after {told:?}", $what);
        assert!(silence < A_FEW_SECONDS, "{silence:?}");
        assert_eq!(stage.counters().acknowledged, CHANNELS.len());
        ($cluster, stage, publisher)
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_goes_on_after_a_primary_is_killed() {
    delivery_survives!("killed", |cluster| {
        let primary = cluster.primary_of(slot(CHANNEL.as_bytes())).await.unwrap();
        cluster.server(primary).kill();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_goes_on_after_a_primary_freezes_and_after_it_wakes() {
    let (cluster, stage, publisher) = delivery_survives!("frozen", |cluster| {
        let primary = cluster.primary_of(slot(CHANNEL.as_bytes())).await.unwrap();
        cluster.server(primary).freeze().unwrap();
    });
    for node in cluster.nodes() {
        if !cluster.server(node).is_running() {
            cluster.server(node).thaw().unwrap();
        }
    }
    cluster.wait_until_settled().await.unwrap();
    let count = publisher.finish().await;
    stage
        .until("the last message is heard", |stage| {
            stage.heard(CHANNEL).contains(&(count - 1))
        })
        .await;
    assert_eq!(stage.counters().acknowledged, CHANNELS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_goes_on_after_a_slot_moved_at_once() {
    delivery_survives!("moved", |cluster| {
        let to = cluster
            .primary_of(slot(CHANNELS[0].as_bytes()))
            .await
            .unwrap();
        let from = cluster.primary_of(slot(CHANNEL.as_bytes())).await.unwrap();
        assert_ne!(from, to);
        cluster
            .move_slot(slot(CHANNEL.as_bytes()), to)
            .await
            .unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_goes_on_after_a_planned_failover() {
    delivery_survives!("failover", |cluster| {
        let primary = cluster.primary_of(slot(CHANNEL.as_bytes())).await.unwrap();
        let replica = cluster.replica_of(primary).await.unwrap();
        cluster.failover_to(replica).await.unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_slot_moves_both_of_its_sides_are_heard() {
    let cluster = RedisCluster::start().await.unwrap();
    let stage = Stage::open(cluster.addresses());
    stage.follow(CHANNEL).await;
    let to = cluster
        .primary_of(slot(CHANNELS[0].as_bytes()))
        .await
        .unwrap();
    let moving = cluster
        .begin_moving_slot(slot(CHANNEL.as_bytes()), to)
        .await
        .unwrap();
    // What was published there before the mark was seen may have been missed.
    stage
        .until("the second side stands", |stage| {
            stage.was_interrupted(CHANNEL)
        })
        .await;
    let at_the_source = redis::cmd("SPUBLISH").arg(CHANNEL).arg(1).clone();
    let heard_by: u32 = stage.ask(CHANNEL, &at_the_source).await;
    assert_eq!(heard_by, 1);
    stage.publish_asking(&cluster.address(to), CHANNEL, 2).await;
    stage
        .until("both are heard", |stage| {
            let mut heard = stage.heard(CHANNEL);
            heard.sort_unstable();
            heard == [1, 2]
        })
        .await;

    moving.finish().await.unwrap();
    // The receiver has kept the subscription: nothing is missed when it becomes the owner.
    stage.publish_asking(&cluster.address(to), CHANNEL, 3).await;
    stage
        .until("the new owner is heard", |stage| {
            stage.heard(CHANNEL).contains(&3)
        })
        .await;
    assert_eq!(stage.interruptions(), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_channels_stand_again_fast_and_are_told_at_once() {
    let cluster = RedisCluster::start().await.unwrap();
    let stage = Stage::open(cluster.addresses());
    let at = Instant::now();
    let channels = many();
    join_all(channels.iter().map(|channel| stage.follow(channel))).await;
    eprintln!("{MANY} channels followed within {:?}", at.elapsed());

    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL").arg("TYPE").arg("pubsub");
    for channel in CHANNELS {
        let killed: u32 = stage.ask(channel, &kill).await;
        assert_eq!(killed, 1, "one connection per primary");
    }
    let at = Instant::now();
    stage
        .until("all stand again", |stage| {
            stage.interruptions().iter().sum::<usize>() == MANY
        })
        .await;
    eprintln!("{MANY} channels stand again within {:?}", at.elapsed());
    assert_eq!(stage.interruptions().len(), 3, "one call per connection");
    let counters = stage.counters();
    assert_eq!(
        (counters.wanted, counters.acknowledged, counters.reconnects),
        (MANY, MANY, 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_channels_follow_their_primary_to_its_successor() {
    let cluster = RedisCluster::start().await.unwrap();
    let stage = Stage::open(cluster.addresses());
    let channels = many();
    join_all(channels.iter().map(|channel| stage.follow(channel))).await;
    let moved = stage.at_the_owner_of(CHANNEL, &channels);
    let primary = cluster.primary_of(slot(CHANNEL.as_bytes())).await.unwrap();
    let replica = cluster.replica_of(primary).await.unwrap();
    let at = Instant::now();
    cluster.failover_to(replica).await.unwrap();
    stage
        .until("all stand again", |stage| {
            stage.interruptions().iter().sum::<usize>() >= moved
                && stage.counters().acknowledged == MANY
        })
        .await;
    eprintln!(
        "{moved} channels stand at the successor within {:?}, told in {} calls",
        at.elapsed(),
        stage.interruptions().len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_followed_channels_bring_messages_and_only_until_they_are_released() {
    let server = RedisServer::start().await.unwrap();
    let stage = Stage::open(vec![server.address()]);
    stage.follow("{tag}followed").await;
    let publish =
        |channel: &str, number: u64| redis::cmd("SPUBLISH").arg(channel).arg(number).clone();
    let nobody: u32 = stage.ask("{tag}", &publish("{tag}other", 1)).await;
    let one: u32 = stage.ask("{tag}", &publish("{tag}followed", 2)).await;
    assert_eq!((nobody, one), (0, 1));
    stage
        .until("it is heard", |stage| stage.counters().messages == 1)
        .await;

    stage.release("{tag}followed");
    let mut subscribers = redis::cmd("PUBSUB");
    subscribers.arg("SHARDCHANNELS");
    while !stage
        .ask::<Vec<String>>("{tag}", &subscribers)
        .await
        .is_empty()
    {
        sleep(Duration::from_millis(2)).await;
    }
    let nobody: u32 = stage.ask("{tag}", &publish("{tag}followed", 3)).await;
    assert_eq!(nobody, 0);
    let expected = Counters {
        messages: 1,
        ..Counters::default()
    };
    assert_eq!(stage.counters(), expected);
    assert_eq!(stage.heard("{tag}followed"), [2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_server_that_comes_back_is_subscribed_anew() {
    let server = RedisServer::start().await.unwrap();
    let stage = Stage::open(vec![server.address()]);
    stage.follow("one").await;
    let publisher = stage.publisher("one");
    stage.until_heard_more("one", 5).await;
    server.restart().await.unwrap();
    stage
        .until("the interruption is told", |stage| {
            stage.was_interrupted("one")
        })
        .await;
    stage.until_heard_more("one", 5).await;
    assert!(stage.counters().reconnects >= 1);
    publisher.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_server_that_wakes_is_subscribed_anew() {
    let server = RedisServer::start().await.unwrap();
    let stage = Stage::open(vec![server.address()]);
    stage.follow("one").await;
    let at = Instant::now();
    server.freeze().unwrap();
    stage
        .until("the silence is noticed", |stage| {
            stage.counters().acknowledged == 0
        })
        .await;
    eprintln!("a frozen server is given up after {:?}", at.elapsed());
    server.thaw().unwrap();
    stage
        .until("the interruption is told", |stage| {
            stage.was_interrupted("one")
        })
        .await;
    let publisher = stage.publisher("one");
    stage.until_heard_more("one", 5).await;
    publisher.finish().await;
}
