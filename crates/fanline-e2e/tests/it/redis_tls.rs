//! A node that is configured to speak TLS with Redis, as a user of the documentation's rules.

use fanline_e2e::{Installation, Native};
use fanline_testkit::redis::{Certificates, Clients, RedisServer};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_through_a_redis_that_asks_for_a_certificate() {
    let certificates = Certificates::make(&["redis.internal"]).unwrap();
    let redis = RedisServer::start().await.unwrap();
    let opened = redis.listen_with_tls(&certificates, Clients::Certified);
    let address = opened.await.unwrap();
    let [authority, certificate, key] = [
        certificates.authority(),
        certificates.client_certificate(),
        certificates.client_key(),
    ]
    .map(|path| path.to_str().unwrap().to_owned());
    let installation = Installation::new();
    let server = installation.start_with(&[
        ("FANLINE_BROKER_KIND", "redis"),
        ("FANLINE_REDIS_NODES", &address),
        ("FANLINE_REDIS_TLS", "true"),
        ("FANLINE_REDIS_TLS_CA", &authority),
        ("FANLINE_REDIS_TLS_CERTIFICATE", &certificate),
        ("FANLINE_REDIS_TLS_KEY", &key),
        ("FANLINE_REDIS_TLS_SERVER_NAME", "redis.internal"),
    ]);
    let channel = json!([{"channel": "orders.1"}]);
    let mut client = Native::connect(&server, None, channel).await;
    client.next_of("caught_up").await;
    server.publish("orders.1", json!({"data": "sealed"})).await;
    assert_eq!(client.next_of("message").await["data"], "sealed");
}
