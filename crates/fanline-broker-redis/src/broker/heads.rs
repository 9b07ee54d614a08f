//! Where many channels stand. A node asks for all that it follows every few seconds, so they are asked for by partition:
//! several in one call, which costs Redis and the node a fraction of as many calls.

use std::collections::BTreeMap;

use fanline_broker::{BrokerError, ChannelId, Head};
use redis::Value;

use super::RedisBroker;
use super::refusal;
use crate::cluster::{CallError, PARTED};
use crate::keys;
use crate::library::{self, HeadAsked};

/// How many keys one call names: the server does nothing else meanwhile.
const KEYS: usize = 64;

/// Channels of one partition, by their place among those asked for.
type Group = Vec<usize>;

/// The heads of many channels, in the order asked.
pub(super) async fn read(
    broker: &RedisBroker,
    channels: &[ChannelId],
) -> Vec<Result<Option<Head>, BrokerError>> {
    let mut heads = vec![Err(BrokerError::Unavailable); channels.len()];
    let mut parted = Vec::new();
    for (group, answer) in ask(broker, channels, by_partition(channels)).await {
        if answer.as_ref().is_err_and(is_parted) {
            parted.extend(group.into_iter().map(|place| vec![place]));
        } else {
            put(&mut heads, channels, &group, answer);
        }
    }
    if !parted.is_empty() {
        for (group, answer) in ask(broker, channels, parted).await {
            put(&mut heads, channels, &group, answer);
        }
    }
    heads
}

/// Whether a moving slot has the keys on different sides: each has its own way to go.
fn is_parted(error: &CallError) -> bool {
    matches!(error, CallError::Refused { code, .. } if code == PARTED)
}

/// Groups of no more than fit into one call.
fn by_partition(channels: &[ChannelId]) -> Vec<Group> {
    let mut partitions: BTreeMap<u16, Group> = BTreeMap::new();
    for (place, channel) in channels.iter().enumerate() {
        let partition = keys::partition_of(&keys::channel(channel));
        partitions.entry(partition).or_default().push(place);
    }
    let groups = partitions.values().flat_map(|group| group.chunks(KEYS));
    groups.map(<[usize]>::to_vec).collect()
}

/// One call for each group.
async fn ask(
    broker: &RedisBroker,
    channels: &[ChannelId],
    groups: Vec<Group>,
) -> Vec<(Group, Result<Value, CallError>)> {
    let asked = |place: &usize| {
        let key = keys::channel(channels.get(*place)?);
        Some(HeadAsked {
            follows: broker.followed.channels.read().contains_key(&key),
            fresh: broker.fresh(),
            key,
        })
    };
    let call = |group: &Group| library::read_heads(group.iter().filter_map(asked).collect());
    let calls = groups.iter().filter_map(call).collect();
    let answers = broker.cluster.call_each(calls).await;
    groups.into_iter().zip(answers).collect()
}

fn put(
    heads: &mut [Result<Option<Head>, BrokerError>],
    channels: &[ChannelId],
    group: &Group,
    answer: Result<Value, CallError>,
) {
    let Some(first) = group.first().and_then(|place| channels.get(*place)) else {
        return;
    };
    let found = refusal::read(first, answer, |value| library::heads(value, group.len()));
    let Ok(found) = found else { return };
    for (place, head) in group.iter().zip(found) {
        if let Some(slot) = heads.get_mut(*place) {
            *slot = Ok(head);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use fanline_broker::{Broker as _, Publish};
    use fanline_model::{AppId, Channel, Draft, MessageId, Payload, Retention, SystemRandom};
    use fanline_testkit::redis::RedisCluster;

    use super::*;
    use crate::RedisConfig;
    use crate::slot::slot;

    /// So many channels of one partition.
    fn neighbours(count: usize) -> Vec<ChannelId> {
        let app = AppId::generate(&SystemRandom);
        let channel =
            |n| ChannelId::new(app.clone(), Channel::parse(&format!("orders.{n}")).unwrap());
        let partition = |channel: &ChannelId| keys::partition_of(&keys::channel(channel));
        let wanted = partition(&channel(0));
        (0..)
            .map(channel)
            .filter(|channel| partition(channel) == wanted)
            .take(count)
            .collect()
    }

    async fn publish(broker: &RedisBroker, channel: &ChannelId) {
        let id = MessageId::generate(&SystemRandom);
        let publish = Publish {
            channel: channel.clone(),
            drafts: vec![Draft::new(id, Payload::text("a"))],
            retention: Retention::default(),
            condition: None,
            retry: false,
            items_hash: None,
        };
        broker.publish(publish).await.unwrap();
    }

    async fn all_stand_at_one(broker: &RedisBroker, channels: &[ChannelId]) -> bool {
        let heads = broker.heads(channels).await;
        let at_one = |head: Option<Head>| head.is_some_and(|head| head.position.seq == 1);
        heads.into_iter().all(|head| head.is_ok_and(at_one))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn neighbours_are_asked_for_together_and_those_whom_a_moving_slot_parts_alone() {
        let redis = RedisCluster::start().await.unwrap();
        let config = RedisConfig {
            nodes: redis.addresses(),
            ..RedisConfig::default()
        };
        let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 1_000));
        let running = {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move { broker.run(std::future::pending()).await })
        };
        let channels = neighbours(40);
        for channel in &channels {
            publish(&broker, channel).await;
        }
        let groups = by_partition(&channels);
        assert_eq!(groups.len(), 1, "one call");
        assert!(all_stand_at_one(&broker, &channels).await);

        let number = slot(&keys::channel(&channels[0]));
        let from = redis.primary_of(number).await.unwrap();
        let mut other = None;
        for wanted in [0, 8_000, 16_000] {
            let primary = redis.primary_of(wanted).await.unwrap();
            other = other.or((primary != from).then_some(primary));
        }
        let moving = redis
            .begin_moving_slot(number, other.unwrap())
            .await
            .unwrap();
        assert!(moving.carry_half().await.unwrap().len() >= 20);
        assert!(all_stand_at_one(&broker, &channels).await);
        moving.finish().await.unwrap();
        assert!(all_stand_at_one(&broker, &channels).await);
        running.abort();
    }
}
