//! What lies under which key. Golden: a change here is another layout version.
//!
//! ```text
//! fl1:{TAG}:c:APP:LENGTH:NAME    one channel (hash), and its shard channel of the same name
//! fl1:{TAG}:leases               channels with presence (sorted set), by when they must be looked at
//! fl1:{TAG}:logs                 channels that hold what will be too old (sorted set), by when to look at them
//! fl1:{TAG}:signals              the shard channel of signals, on one fixed partition; no key of its own
//! fl1:{TAG}:nodes                the registry of nodes (hash), beside it
//! ```
//!
//! `1` is the layout's version, `TAG` the channel's partition. User text never stands in the hash tag, and
//! the length before it keeps names apart whatever they contain.

use std::sync::LazyLock;

use bytes::Bytes;
use fanline_broker::ChannelId;

use crate::slot::slot;
use crate::topology::SLOTS;

/// How many partitions there are. Fixed: another count would move every channel.
pub(crate) const PARTITIONS: u16 = 1_024;

/// The tag of each partition. The smallest numbers whose slots fall one into each 1,024th of the slots, so
/// that partitions spread evenly over any number of primaries.
static TAGS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut tags = vec![String::new(); usize::from(PARTITIONS)];
    let mut missing = tags.len();
    for number in 0_u32.. {
        let tag = format!("p{number}");
        let partition = usize::from(slot(tag.as_bytes()) / (SLOTS / PARTITIONS));
        if let Some(free) = tags.get_mut(partition).filter(|tag| tag.is_empty()) {
            *free = tag;
            missing -= 1;
        }
        if missing == 0 {
            break;
        }
    }
    tags
});

/// The key of a channel, and the name of its shard channel.
pub(crate) fn channel(id: &ChannelId) -> Bytes {
    let name = id.channel.to_string();
    let tag = &TAGS[usize::from(partition(id, &name))];
    format!("fl1:{{{tag}}}:c:{}:{}:{name}", id.app, name.len()).into()
}

/// The index of a partition's channels by their leases. It lies on the primary of what it indexes.
pub(crate) fn leases(partition: u16) -> Bytes {
    of_partition(partition, "leases")
}

/// The index of a partition's channels by when something in them will be too old.
pub(crate) fn logs(partition: u16) -> Bytes {
    of_partition(partition, "logs")
}

/// The shard channel of signals.
pub(crate) fn signals() -> Bytes {
    of_the_installation("signals")
}

/// The registry of nodes.
pub(crate) fn nodes() -> Bytes {
    of_the_installation("nodes")
}

/// What an installation has once lies on its first partition.
fn of_the_installation(name: &str) -> Bytes {
    of_partition(0, name)
}

fn of_partition(partition: u16, name: &str) -> Bytes {
    let tag = &TAGS[usize::from(partition % PARTITIONS)];
    format!("fl1:{{{tag}}}:{name}").into()
}

/// The partition of a key.
pub(crate) fn partition_of(key: &[u8]) -> u16 {
    slot(key) / (SLOTS / PARTITIONS)
}

fn partition(id: &ChannelId, name: &str) -> u16 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(id.app.to_string().as_bytes());
    hash.update(b"/");
    hash.update(name.as_bytes());
    u16::try_from(hash.finalize() % u32::from(PARTITIONS)).unwrap_or_default()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use fanline_model::{AppId, Channel, UserId};

    use super::*;

    fn id(channel: Channel) -> ChannelId {
        ChannelId::new(
            AppId::parse("app_00000000000000000000000000").unwrap(),
            channel,
        )
    }

    #[test]
    fn every_partition_lies_in_its_own_part_of_the_slots() {
        for (partition, tag) in (0..).zip(TAGS.iter()) {
            assert_eq!(slot(tag.as_bytes()) / (SLOTS / PARTITIONS), partition);
        }
    }

    /// `fixtures/redis-keys.txt` holds what lies under which key for good.
    #[test]
    fn the_keys_are_the_golden_ones() {
        let golden = include_str!("../../../fixtures/redis-keys.txt");
        let user = UserId::parse("auth0|ann {p1}").unwrap();
        let channels = [
            Channel::parse("orders.1").unwrap(),
            Channel::parse("private-a:b/c").unwrap(),
            Channel::User(user),
        ];
        let mut keys: Vec<Bytes> = channels
            .into_iter()
            .map(|name| channel(&id(name)))
            .collect();
        keys.extend([0, 1, 1_023].map(leases));
        keys.extend([signals(), nodes()]);
        keys.extend([0, 1, 1_023].map(logs));
        let keys: Vec<_> = keys
            .iter()
            .map(|key| String::from_utf8_lossy(key).into_owned())
            .collect();
        assert_eq!(golden.lines().collect::<Vec<_>>(), keys);
    }

    #[test]
    fn a_channel_and_its_indexes_have_one_tag() {
        for n in 0..2_000 {
            let key = channel(&id(Channel::parse(&format!("presence-{n}")).unwrap()));
            let partition = partition_of(&key);
            let tag = |key: &[u8]| key.split(|byte| *byte == b'}').next().unwrap().to_vec();
            for index in [leases(partition), logs(partition)] {
                assert_eq!(tag(&key), tag(&index));
            }
        }
    }
}
