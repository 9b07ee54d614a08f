//! What a failover of a cluster does to positions.

use std::sync::Arc;
use std::time::Duration;

use fanline_broker::{Broker, ChannelId, Head, Outcome, Publish};
use fanline_broker_redis::{RedisBroker, RedisConfig};
use fanline_model::{AppId, Channel, Draft, MessageId, Payload, Position, Retention, SystemRandom};
use fanline_testkit::contract::ear::{Ear, Heard};
use fanline_testkit::redis::{Node, RedisCluster};
use tokio::task::JoinHandle;

/// A cluster of six, a broker on it, and one channel.
struct Stage {
    cluster: RedisCluster,
    broker: Arc<RedisBroker>,
    ear: Arc<Ear>,
    channel: ChannelId,
    running: JoinHandle<()>,
}

impl Stage {
    async fn open() -> Self {
        let cluster = RedisCluster::start().await.unwrap();
        let config = RedisConfig {
            nodes: cluster.addresses(),
            retry_budget: Duration::from_secs(15),
            ..RedisConfig::default()
        };
        let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 1_000));
        let ear = Arc::new(Ear::default());
        broker.set_feed(Arc::clone(&ear) as _);
        let running = {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move { broker.run(std::future::pending()).await })
        };
        let app = AppId::generate(&SystemRandom);
        Self {
            cluster,
            broker,
            ear,
            channel: ChannelId::new(app, Channel::parse("orders.1").unwrap()),
            running,
        }
    }

    async fn publish(&self, text: &str) -> Position {
        let id = MessageId::generate(&SystemRandom);
        let publish = Publish {
            channel: self.channel.clone(),
            drafts: vec![Draft::new(id, Payload::text(text))],
            retention: Retention::default(),
            condition: None,
            retry: false,
            items_hash: None,
        };
        match self.broker.publish(publish).await.unwrap().remove(0) {
            Outcome::Appended {
                position: Some(position),
            }
            | Outcome::Duplicate {
                position: Some(position),
            } => position,
            other => panic!("no position: {other:?}"),
        }
    }

    async fn head(&self) -> Head {
        self.broker.head(&self.channel).await.unwrap().unwrap()
    }

    /// The primary that holds the only channel there is.
    async fn primary(&self) -> Node {
        for node in self.cluster.nodes() {
            let mut connection = self.cluster.server(node).connect().await.unwrap();
            let keys: usize = redis::cmd("DBSIZE")
                .query_async(&mut connection)
                .await
                .unwrap();
            let role: Vec<redis::Value> = redis::cmd("ROLE")
                .query_async(&mut connection)
                .await
                .unwrap();
            if keys > 0 && role.first() == Some(&redis::Value::BulkString(b"master".to_vec())) {
                return node;
            }
        }
        panic!("no primary holds the channel");
    }

    async fn hears(&self, text: &str) {
        let is_it = |heard: &Heard| matches!(heard, Heard::Message(message) if message.draft.payload.as_text() == Some(text));
        self.ear
            .until(&self.channel, |heard| heard.iter().any(is_it))
            .await;
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.running.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_failover_is_a_fork_that_names_what_survived() {
    let stage = Stage::open().await;
    let retention = Retention::default();
    stage
        .broker
        .follow(&stage.channel, &retention)
        .await
        .unwrap();
    let before = stage.publish("before").await;
    stage.hears("before").await;
    let primary = stage.primary().await;
    let replica = stage.cluster.replica_of(primary).await.unwrap();
    stage.cluster.failover_to(replica).await.unwrap();
    let head = stage.head().await;
    assert_ne!(head.position.epoch, before.epoch);
    assert_eq!(head.position.seq, before.seq);
    assert_eq!(head.lineage.survived(before.epoch), Some(before.seq));
    let after = stage.publish("after").await;
    assert_eq!(after, Position::new(head.position.epoch, before.seq + 1));
    // Nobody asked for it again: the supervisor subscribes where the slot is served now, and says so. What
    // fell between the two is for the comparison of heads; what comes later is heard.
    let publishing = async {
        loop {
            stage.publish("later").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = stage.hears("later") => {}
        () = publishing => {}
    }
    let heard = stage
        .ear
        .until(&stage.channel, |heard| heard.contains(&Heard::Disrupted))
        .await;
    let later = heard.iter().filter_map(|heard| match heard {
        Heard::Message(message) => message.position,
        _ => None,
    });
    assert!(later.skip(1).all(|position| position.epoch == after.epoch));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_channel_does_not_say_kept_after_its_primary_was_killed() {
    let stage = Stage::open().await;
    let last = stage.publish("last").await;
    let primary = stage.primary().await;
    stage.cluster.server(primary).kill();
    let head = stage.head().await;
    assert_ne!(
        head.position.epoch, last.epoch,
        "what the dead primary acknowledged cannot be proved"
    );
    assert!(head.lineage.survived(last.epoch).is_some());
}

#[tokio::test]
async fn a_following_that_was_given_up_leaves_no_wish_behind() {
    // Nothing listens there, so no subscription is ever acknowledged.
    let config = RedisConfig {
        nodes: vec!["127.0.0.1:1".to_owned()],
        ..RedisConfig::default()
    };
    let broker = RedisBroker::new(config, Arc::new(SystemRandom), 1_000);
    let app = AppId::generate(&SystemRandom);
    let channel = ChannelId::new(app, Channel::parse("orders.1").unwrap());
    let retention = Retention::default();
    let following = broker.follow(&channel, &retention);
    let given_up = tokio::time::timeout(Duration::from_millis(50), following).await;
    assert!(given_up.is_err(), "nobody can have acknowledged it");
    assert_eq!(broker.stats().followed, 0);
}
