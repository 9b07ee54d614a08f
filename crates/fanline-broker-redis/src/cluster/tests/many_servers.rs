//! A cluster whose primaries fail, change and hand over slots.

use super::*;
use crate::topology::SLOTS;

#[tokio::test]
async fn calls_of_many_keys_are_answered_in_the_order_asked() {
    const CALLS: usize = 3_000;
    let redis = RedisCluster::start().await.unwrap();
    let world = World::over(redis.addresses(), GENEROUS);
    let keys: Vec<_> = (0..CALLS).map(|number| format!("key-{number}")).collect();
    let every_third = keys.iter().step_by(3).map(|key| once(key, "x")).collect();
    for answer in world.cluster.call_each(every_third).await {
        assert_eq!(text(answer.unwrap()), "first new");
    }
    let calls = keys.iter().map(|key| once(key, "x")).collect();
    let before = Instant::now();
    let answers = world.cluster.call_each(calls).await;
    eprintln!("{CALLS} calls of as many keys took {:?}", before.elapsed());
    assert_eq!(answers.len(), CALLS);
    for (number, answer) in answers.into_iter().enumerate() {
        let known = number.is_multiple_of(3);
        let expected = if known { "first known" } else { "first new" };
        assert_eq!(text(answer.unwrap()), expected, "{number}");
    }
}

#[tokio::test]
async fn a_frozen_primary_holds_up_no_call_to_another() {
    let redis = RedisCluster::start().await.unwrap();
    let world = World::over(redis.addresses(), Duration::from_secs(1));
    let keys: Vec<_> = (0..3_000).map(|number| format!("key-{number}")).collect();
    let all = || keys.iter().map(|key| once(key, "x")).collect();
    world.cluster.call_each(all()).await;
    let frozen = world.node_of("key-0", &redis).await;
    let mut held_up = Vec::new();
    for key in &keys {
        held_up.push(world.node_of(key, &redis).await == frozen);
    }
    redis.server(frozen).freeze().unwrap();
    let answers = world.cluster.call_each(all()).await;
    for ((key, held_up), answer) in keys.iter().zip(held_up).zip(answers) {
        assert_eq!(answer.is_err(), held_up, "{key}: {answer:?}");
    }
}

#[tokio::test]
async fn no_call_fails_during_a_planned_failover() {
    let redis = RedisCluster::start().await.unwrap();
    let world = World::over(redis.addresses(), Duration::from_secs(4));
    let old = world.node_of("k", &redis).await;
    let replica = redis.replica_of(old).await.unwrap();
    let mut slowest = Duration::ZERO;
    let (mut calls, mut calls_after) = (0, 0);
    let calling = async {
        while calls_after < 100 {
            let before = Instant::now();
            let answer = world.once("k", &calls.to_string()).await;
            slowest = slowest.max(before.elapsed());
            assert_eq!(answer.unwrap(), "first new", "{calls}");
            calls += 1;
            calls_after += u32::from(world.node_of("k", &redis).await == replica);
        }
    };
    let both = async { tokio::join!(calling, redis.failover_to(replica)) };
    let ((), failover) = timeout(GENEROUS, both).await.unwrap();
    failover.unwrap();
    eprintln!("{calls} calls around a planned failover, the slowest took {slowest:?}");
}

#[tokio::test]
async fn a_call_to_a_frozen_primary_is_repeated_with_its_flag_on_the_successor() {
    let redis = RedisCluster::start().await.unwrap();
    let world = World::over(redis.addresses(), GENEROUS);
    world.once("k", "before").await.unwrap();
    let old = world.node_of("k", &redis).await;
    redis.server(old).freeze().unwrap();
    let before = Instant::now();
    let ids = ["a", "b", "c"];
    for answer in join_all(ids.map(|id| world.once("k", id))).await {
        assert_eq!(answer.unwrap(), "repeated new");
    }
    eprintln!("answered by the successor after {:?}", before.elapsed());
    let new = world.node_of("k", &redis).await;
    assert_ne!(new, old);
    // The old one wakes with calls in its buffer; neither they nor its view of the cluster count.
    redis.server(old).thaw().unwrap();
    let new = redis.address(new);
    let turned_back = world.topology.wait_for(|view| {
        let owner = view.primary_of(slot(b"k")).unwrap();
        owner.address.to_string() != new
    });
    tokio::select! {
        settled = redis.wait_until_settled() => settled.unwrap(),
        view = turned_back => unreachable!("the view turned back: {:?}", view.primaries),
    }
    for id in ids {
        assert_eq!(world.once("k", id).await.unwrap(), "first known");
    }
}

#[tokio::test]
async fn keys_are_found_on_both_sides_while_their_slot_moves() {
    let redis = RedisCluster::start().await.unwrap();
    let world = World::over(redis.addresses(), GENEROUS);
    let number = slot(b"moving");
    let keys: Vec<_> = (0..20)
        .map(|number| format!("{{moving}}{number}"))
        .collect();
    for key in &keys {
        assert_eq!(world.once(key, "a").await.unwrap(), "first new");
    }
    let from = world.node_of("{moving}", &redis).await;
    let to = redis
        .primary_of((number + SLOTS / 2) % SLOTS)
        .await
        .unwrap();
    let moving = redis.begin_moving_slot(number, to).await.unwrap();
    let there = redis.address(to);
    let (host, port) = there.rsplit_once(':').unwrap();
    for key in keys.iter().step_by(2) {
        let words = ["MIGRATE", host, port, key, "0", "5000"];
        assert_eq!(tell(redis.server(from), &words).await, Value::Okay);
    }
    let owner = |view: &Topology| view.primary_of(number).unwrap().clone();
    let view = world.until(|view| !owner(view).migrating.is_empty()).await;
    let marks = &owner(&view).migrating;
    let target = &marks.first().unwrap().1;
    assert_eq!(*marks, [(number, target.clone())]);
    let target = &view.find(target).unwrap().address;
    assert_eq!(target.to_string(), there);

    for key in &keys {
        assert_eq!(world.once(key, "a").await.unwrap(), "first known", "{key}");
    }
    let replicated = keys.iter().map(|key| {
        let call = once(key, "a");
        world.cluster.call_durably(call, Durability::Replicated)
    });
    for answer in join_all(replicated).await {
        assert_eq!(text(answer.unwrap()), "first known");
    }
    // What does not exist yet begins where the slot is going.
    assert_eq!(world.once("{moving}new", "a").await.unwrap(), "first new");
    let words = ["CLUSTER", "COUNTKEYSINSLOT", &number.to_string()];
    assert_eq!(tell(redis.server(to), &words).await, Value::Int(11));

    moving.finish().await.unwrap();
    for key in &keys {
        assert_eq!(world.once(key, "a").await.unwrap(), "first known", "{key}");
    }
    world
        .until(|view| {
            let unmarked = view
                .primaries
                .iter()
                .all(|primary| primary.migrating.is_empty());
            owner(view).address.to_string() == there && unmarked
        })
        .await;
}
