//! What a node says of a Redis that is not there.

use fanline_broker::{BrokerError, PublishError};
use fanline_broker_redis::RedisConfig;
use fanline_testkit::redis::RedisServer;
use std::time::Duration;

use crate::station::Station;

fn on(server: &RedisServer) -> RedisConfig {
    RedisConfig {
        nodes: vec![server.address()],
        retry_budget: Duration::from_secs(1),
        ..RedisConfig::default()
    }
}

#[tokio::test]
async fn a_killed_redis_is_missed_and_found_again_with_its_subscriptions() {
    let server = RedisServer::start().await.unwrap();
    let station = Station::on(on(&server));
    station.until_contact().await;
    station.carries_messages().await;
    assert!(fanline_broker::Broker::is_available(&*station.broker));
    server.kill();
    station.until_available(false).await;
    let refused = station.publish("missed").await.unwrap_err();
    assert_eq!(refused, PublishError::Broker(BrokerError::Unavailable));
    server.restart().await.unwrap();
    station.until_available(true).await;
    let stats = station.broker.stats();
    assert_eq!((stats.followed, stats.subscribed), (1, 1));
    station.publish("after").await.unwrap();
    station.hears("after").await;
}

#[tokio::test]
async fn a_frozen_redis_is_missed_and_found_again() {
    let server = RedisServer::start().await.unwrap();
    let station = Station::on(on(&server));
    station.carries_messages().await;
    server.freeze().unwrap();
    station.until_available(false).await;
    server.thaw().unwrap();
    station.until_available(true).await;
    station.publish("after").await.unwrap();
    station.hears("after").await;
}

#[tokio::test]
async fn until_redis_was_reached_once_a_node_says_why_not() {
    let server = RedisServer::start().await.unwrap();
    server.kill();
    let station = Station::on(on(&server));
    station.until_missing("no Redis server answers").await;
    server.restart().await.unwrap();
    station.until_contact().await;
}
