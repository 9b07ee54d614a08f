//! Where the channels of a run are in Redis.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result};
use fanline_testkit::redis::{Node as RedisNode, RedisCluster, RedisServer};

use crate::stage::Stage;

/// The keys of a server that hold a channel.
pub(super) async fn channels_at(server: &RedisServer) -> Result<Vec<Vec<u8>>> {
    let mut connection = server.connect().await?;
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS")
        .arg("*")
        .query_async(&mut connection)
        .await?;
    let mut channels = Vec::new();
    for key in keys {
        let is_channel: bool = redis::cmd("HEXISTS")
            .arg(&key)
            .arg("m")
            .query_async(&mut connection)
            .await
            .unwrap_or(false);
        if is_channel {
            channels.push(key);
        }
    }
    Ok(channels)
}

/// The slot with the most channels that somebody follows, and how many they are.
pub(super) async fn busiest_slot(stage: &Stage) -> Result<(u16, usize)> {
    let mut channels: BTreeMap<u16, usize> = BTreeMap::new();
    for primary in primaries(stage).await? {
        let mut connection = stage.cluster().server(primary).connect().await?;
        let mut followed = redis::cmd("PUBSUB");
        followed.arg("SHARDCHANNELS");
        let followed: Vec<Vec<u8>> = followed.query_async(&mut connection).await?;
        for channel in followed {
            let mut ask = redis::cmd("CLUSTER");
            ask.arg("KEYSLOT").arg(channel);
            let slot = ask.query_async(&mut connection).await?;
            *channels.entry(slot).or_default() += 1;
        }
    }
    let busiest = channels.into_iter().max_by_key(|(_, count)| *count);
    busiest.context("somebody follows a channel")
}

/// A primary that does not have this slot.
pub(super) async fn another_primary(stage: &Stage, slot: u16) -> Result<RedisNode> {
    let from = stage.cluster().primary_of(slot).await?;
    let others: Vec<_> = primaries(stage)
        .await?
        .into_iter()
        .filter(|primary| *primary != from)
        .collect();
    let other = stage.dice().pick(&others).copied();
    other.context("there is another primary")
}

/// The primary of each shard.
pub(super) async fn primaries(stage: &Stage) -> Result<Vec<RedisNode>> {
    let mut primaries = Vec::new();
    for slot in stage.a_slot_of_each_shard() {
        primaries.push(stage.cluster().primary_of(slot).await?);
    }
    Ok(primaries)
}

/// The names of the function libraries that a server has loaded.
pub(super) async fn libraries(server: &RedisServer) -> Result<Vec<String>> {
    let mut connection = server.connect().await?;
    let mut list = redis::cmd("FUNCTION");
    let list: Vec<HashMap<String, redis::Value>> =
        list.arg("LIST").query_async(&mut connection).await?;
    let names = list.into_iter().filter_map(|mut one| {
        let name = one.remove("library_name")?;
        redis::from_redis_value(name).ok()
    });
    Ok(names.collect())
}

/// Sets a value of a server's configuration.
pub(super) async fn configure(server: &RedisServer, name: &str, value: &str) -> Result<()> {
    let mut connection = server.connect().await?;
    let mut set = redis::cmd("CONFIG");
    set.arg("SET").arg(name).arg(value);
    Ok(set.query_async(&mut connection).await?)
}

/// Sets a value of every server's configuration.
pub(super) async fn configure_all(cluster: &RedisCluster, name: &str, value: &str) -> Result<()> {
    for node in cluster.nodes() {
        configure(cluster.server(node), name, value).await?;
    }
    Ok(())
}
