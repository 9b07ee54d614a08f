//! Redis carries a message to the nodes that follow its channel and to no other: what a node does not follow
//! costs it nothing, however much is published.

use fanline_broker::ChannelId;
use fanline_broker_redis::RedisConfig;
use fanline_model::Channel;
use fanline_testkit::redis::RedisCluster;

use crate::station::Station;

const MESSAGES: u64 = 1_000;
/// So many that each primary has some of them.
const OTHERS: u64 = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_does_not_follow_a_channel_is_carried_none_of_its_messages() {
    let cluster = RedisCluster::start().await.unwrap();
    let config = RedisConfig {
        nodes: cluster.addresses(),
        ..RedisConfig::default()
    };
    let follower = Station::on(config.clone());
    let mut bystander = Station::on(config);
    follower.follow().await;
    let others = others(&bystander.channel);
    for other in &others {
        bystander.channel = other.clone();
        bystander.follow().await;
    }

    bystander.channel = follower.channel.clone();
    for n in 0..MESSAGES {
        // Publishing does not make a follower either.
        let publisher = if n % 2 == 0 { &bystander } else { &follower };
        publisher.publish(&n.to_string()).await.unwrap();
    }
    follower.hears(&(MESSAGES - 1).to_string()).await;
    // A message on every connection of the bystander, behind whatever else may have been on its way.
    for other in others {
        bystander.channel = other;
        bystander.publish("heard").await.unwrap();
        bystander.hears("heard").await;
    }

    assert_eq!(follower.broker.stats().messages, MESSAGES);
    assert_eq!(bystander.broker.stats().messages, OTHERS);
}

fn others(like: &ChannelId) -> Vec<ChannelId> {
    let name = |n| Channel::parse(&format!("others.{n}")).unwrap();
    let other = |n| ChannelId::new(like.app.clone(), name(n));
    (0..OTHERS).map(other).collect()
}
