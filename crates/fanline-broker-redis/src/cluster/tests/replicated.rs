//! Calls that replicas must acknowledge.

use super::*;

async fn once_replicated(world: &World, key: &str, id: &str) -> Result<String, CallError> {
    let call = world
        .cluster
        .call_durably(once(key, id), Durability::Replicated);
    call.await.map(text)
}

/// Until somebody waits for this server's replicas.
async fn until_somebody_waits(server: &RedisServer) {
    let waiting = async {
        loop {
            let clients: String =
                redis::from_redis_value(tell(server, &["CLIENT", "LIST"]).await).unwrap();
            if clients.contains("cmd=wait") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(GENEROUS, waiting).await.unwrap();
}

#[tokio::test]
async fn a_call_whose_connection_breaks_while_it_waits_is_repeated_and_waits_anew() {
    let redis = RedisCluster::start().await.unwrap();
    let world = World::over(redis.addresses(), GENEROUS);
    assert_eq!(
        once_replicated(&world, "k", "a").await.unwrap(),
        "first new"
    );
    let primary = world.node_of("k", &redis).await;
    let replica = redis.replica_of(primary).await.unwrap();
    redis.server(replica).freeze().unwrap();
    let breaking = async {
        let server = redis.server(primary);
        until_somebody_waits(server).await;
        tell(server, &["CLIENT", "KILL", "TYPE", "normal"]).await;
        until_somebody_waits(server).await;
        redis.server(replica).thaw().unwrap();
    };
    let (answer, ()) = tokio::join!(once_replicated(&world, "k", "b"), breaking);
    assert_eq!(answer.unwrap(), "repeated known");
}

#[tokio::test]
async fn a_replicated_call_is_not_answered_by_a_server_without_replicas() {
    let redis = RedisServer::start().await.unwrap();
    let world = World::over(vec![redis.address()], Duration::from_secs(1));
    let answer = once_replicated(&world, "k", "a").await;
    assert_eq!(answer, Err(CallError::Unknown));
    assert_eq!(world.once("k", "a").await.unwrap(), "first known");
}

#[tokio::test]
async fn nothing_was_done_where_no_server_can_be_reached_to_replicate() {
    let redis = RedisServer::start().await.unwrap();
    let world = World::over(vec![redis.address()], Duration::from_millis(700));
    world.once("k", "a").await.unwrap();
    redis.kill();
    let deadline = Instant::now() + GENEROUS;
    while once_replicated(&world, "k", "b").await != Err(CallError::Unavailable) {
        assert!(Instant::now() < deadline);
    }
}
