//! A Redis that has reached its `maxmemory`.

use std::sync::Arc;

use fanline_broker::{Broker, BrokerError, ChannelId, PageLimit, Publish};
use fanline_broker_redis::{RedisBroker, RedisConfig};
use fanline_model::{AppId, Channel, Draft, MessageId, Payload, Retention, SystemRandom};
use fanline_testkit::redis::RedisServer;

async fn limit_memory(server: &RedisServer, bytes: &str) {
    let mut connection = server.connect().await.unwrap();
    let mut command = redis::cmd("CONFIG");
    command.arg("SET").arg("maxmemory").arg(bytes);
    let () = command.query_async(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_refuses_publishes_by_name_and_goes_on_answering_reads() {
    let server = RedisServer::start().await.unwrap();
    let config = RedisConfig {
        nodes: vec![server.address()],
        ..RedisConfig::default()
    };
    let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 1_000));
    let running = {
        let broker = Arc::clone(&broker);
        tokio::spawn(async move { broker.run(std::future::pending()).await })
    };
    let app = AppId::generate(&SystemRandom);
    let channel = ChannelId::new(app, Channel::parse("orders.1").unwrap());
    let retention = Retention::default();
    let publish = |text: &str| {
        let id = MessageId::generate(&SystemRandom);
        broker.publish(Publish {
            channel: channel.clone(),
            drafts: vec![Draft::new(id, Payload::text(text))],
            retention,
            condition: None,
            retry: false,
            items_hash: None,
        })
    };
    publish("kept").await.unwrap();
    limit_memory(&server, "1").await;
    let refusal = publish("refused").await.unwrap_err();
    assert_eq!(refusal, BrokerError::Full.into());

    let head = broker.follow(&channel, &retention).await.unwrap().unwrap();
    assert_eq!(head.position.seq, 1);
    assert_eq!(broker.head(&channel).await, Ok(Some(head)));
    let all = PageLimit {
        messages: usize::MAX,
        bytes: usize::MAX,
    };
    let page = broker.read(&channel, 0, all).await.unwrap().unwrap();
    let texts: Vec<_> = page
        .messages
        .iter()
        .map(|message| message.draft.payload.as_text())
        .collect();
    assert_eq!(texts, [Some("kept")]);

    limit_memory(&server, "0").await;
    publish("kept too").await.unwrap();
    assert_eq!(broker.stats().refused_full, 1);
    running.abort();
}
