//! One server that fails, is full, or forgets its functions.

use super::*;

#[tokio::test]
async fn a_server_that_lost_its_functions_gets_them_again() {
    let redis = RedisServer::start().await.unwrap();
    let world = World::over(vec![redis.address()], GENEROUS);
    assert_eq!(world.once("k", "a").await.unwrap(), "first new");
    tell(&redis, &["FUNCTION", "FLUSH", "SYNC"]).await;
    let together = ["b", "c", "d"].map(|id| world.once("k", id));
    for answer in join_all(together).await {
        assert_eq!(answer.unwrap(), "first new");
    }
}

#[tokio::test]
async fn a_server_that_was_restarted_is_found_again_with_its_functions() {
    let redis = RedisServer::start().await.unwrap();
    let world = World::over(vec![redis.address()], GENEROUS);
    assert_eq!(world.once("k", "a").await.unwrap(), "first new");
    redis.restart().await.unwrap();
    assert!(world.once("k", "b").await.unwrap().ends_with("new"));
}

#[tokio::test]
async fn a_function_that_no_library_has_is_refused_at_once() {
    let redis = RedisServer::start().await.unwrap();
    let world = World::over(vec![redis.address()], GENEROUS);
    let call = Call {
        function: "fltest_nothing",
        ..once("k", "a")
    };
    let answer = timeout(GENEROUS / 2, world.cluster.call(call)).await;
    let answer = answer.unwrap();
    assert!(
        matches!(answer, Err(CallError::Refused { .. })),
        "{answer:?}"
    );
}

#[tokio::test]
async fn what_the_function_refuses_keeps_its_code_word() {
    let redis = RedisServer::start().await.unwrap();
    let world = World::over(vec![redis.address()], GENEROUS);
    let call = Call {
        function: "fltest_refuse",
        ..once("k", "a")
    };
    let refused = CallError::Refused {
        code: "FLMISMATCH".to_owned(),
        detail: "m-1".to_owned(),
    };
    assert_eq!(world.cluster.call(call).await, Err(refused));
}

#[tokio::test]
async fn a_full_server_refuses_with_oom() {
    let redis = RedisServer::start().await.unwrap();
    let world = World::over(vec![redis.address()], GENEROUS);
    world.once("k", "a").await.unwrap();
    tell(&redis, &["CONFIG", "SET", "maxmemory", "1"]).await;
    let answer = world.once("k", "b").await;
    assert!(
        matches!(&answer, Err(CallError::Refused { code, .. }) if code == "OOM"),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_server_that_became_a_replica_is_asked_again_until_it_is_none() {
    let redis = RedisServer::start().await.unwrap();
    let world = World::over(vec![redis.address()], GENEROUS);
    world.once("k", "a").await.unwrap();
    tell(&redis, &["REPLICAOF", "127.0.0.1", "1"]).await;
    let back = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        tell(&redis, &["REPLICAOF", "NO", "ONE"]).await
    };
    let (answer, _) = tokio::join!(world.once("k", "b"), back);
    assert_eq!(answer.unwrap(), "first new");
}

#[tokio::test]
async fn nothing_was_done_where_no_server_can_be_reached() {
    let redis = RedisServer::start().await.unwrap();
    let world = World::over(vec![redis.address()], Duration::from_millis(700));
    world.once("k", "a").await.unwrap();
    redis.kill();
    let deadline = Instant::now() + GENEROUS;
    // The connection's end may be noticed only by a call, whose outcome is then unknown.
    while world.once("k", "b").await != Err(CallError::Unavailable) {
        assert!(Instant::now() < deadline);
    }
}

#[tokio::test]
async fn a_frozen_server_makes_the_outcome_unknown() {
    let redis = RedisServer::start().await.unwrap();
    let world = World::over(vec![redis.address()], Duration::from_secs(1));
    world.once("k", "a").await.unwrap();
    redis.freeze().unwrap();
    assert_eq!(world.once("k", "b").await, Err(CallError::Unknown));
    // Now there is no connection, and none can be opened.
    assert_eq!(world.once("k", "c").await, Err(CallError::Unavailable));
    redis.thaw().unwrap();
    assert_eq!(world.once("k", "d").await.unwrap(), "first new");
}

/// The first attempt is heard by a frozen server, the answer comes too late; the second one is answered.
async fn call_again_after_a_silence(redis: &RedisServer, call: Call) -> Result<Value, CallError> {
    let world = World::over(vec![redis.address()], GENEROUS);
    world.once("k", "before").await.unwrap();
    redis.freeze().unwrap();
    let thaw = async {
        tokio::time::sleep(ANSWER_WITHIN * 3 / 2).await;
        redis.thaw().unwrap();
    };
    tokio::join!(world.cluster.call(call), thaw).0
}

#[tokio::test]
async fn a_repeated_call_is_flagged_and_finds_what_its_first_attempt_did() {
    let redis = RedisServer::start().await.unwrap();
    let answer = call_again_after_a_silence(&redis, once("k", "a")).await;
    assert_eq!(text(answer.unwrap()), "repeated known");
}

#[tokio::test]
async fn what_redis_refuses_of_a_repetition_says_nothing_about_the_first_attempt() {
    let redis = RedisServer::start().await.unwrap();
    let call = Call {
        function: "fltest_nothing",
        ..once("k", "a")
    };
    let answer = call_again_after_a_silence(&redis, call).await;
    assert_eq!(answer, Err(CallError::Unknown));
}

#[tokio::test]
async fn what_the_function_refuses_of_a_repetition_is_its_verdict() {
    let redis = RedisServer::start().await.unwrap();
    let call = Call {
        function: "fltest_refuse",
        ..once("k", "a")
    };
    let answer = call_again_after_a_silence(&redis, call).await;
    assert!(
        matches!(answer, Err(CallError::Refused { .. })),
        "{answer:?}"
    );
}
