//! The presence port over the library and the cluster.
//!
//! The entries of a channel lie in its own hash, and each act is one call of one function, which lets those
//! leave first whose lease has ended ([`calls`]); followers hear of it on the shard channel, like of a
//! message ([`change`]). Leases are judged by the clock of Redis alone. What nobody touches any more is found by
//! an index of each partition ([`index`], [`reaper`]).

pub(crate) mod change;
pub(crate) mod entry;
mod index;
mod reaper;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fanline_broker::{
    BrokerError, ChannelId, Entry, Presence, PresenceChange, PresenceError, PresenceRevision,
    Roster,
};
use fanline_model::{ConnectionId, Epoch, Random, UserId};
use redis::Value;

use crate::cluster::{Call, CallError, Cluster};
use crate::keys;
use crate::library::presence_calls as calls;

use index::LeaseIndex;
use reaper::Reaper;

/// Who is on a channel, in Redis.
pub struct RedisPresence {
    cluster: Arc<Cluster>,
    random: Arc<dyn Random>,
    index: LeaseIndex,
    reaper: Reaper,
}

impl RedisPresence {
    pub(crate) fn new(cluster: Arc<Cluster>, random: Arc<dyn Random>) -> Self {
        Self {
            index: LeaseIndex::new(Arc::clone(&cluster)),
            reaper: Reaper::new(Arc::clone(&cluster), Arc::clone(&random)),
            cluster,
            random,
        }
    }

    fn fresh(&self) -> Epoch {
        Epoch::generate(&*self.random)
    }

    async fn ask<T>(
        &self,
        channel: &ChannelId,
        call: Call,
        parse: impl FnOnce(Value) -> Option<T>,
    ) -> Result<T, PresenceError> {
        answer(channel, self.cluster.call(call).await, parse)
    }
}

#[async_trait]
impl Presence for RedisPresence {
    async fn enter(
        &self,
        channel: &ChannelId,
        entry: Entry,
        lease: Duration,
        limit: usize,
    ) -> Result<PresenceChange, PresenceError> {
        let key = keys::channel(channel);
        let indexed = self.index.before_entering(&key, lease).await;
        let indexed = indexed.map_err(|error| failed(channel, &error))?;
        let call = calls::enter(key.clone(), self.fresh(), &entry, lease, limit);
        let change = match self.cluster.call(call).await {
            Err(CallError::Refused { code, .. }) if code == "FLFULL" => {
                return Err(PresenceError::Full(limit));
            }
            other => answer(channel, other, calls::changed)?,
        };
        let epoch = change.revision().epoch;
        self.index.remember(vec![(key, indexed, epoch)]).await;
        Ok(change)
    }

    async fn update(
        &self,
        channel: &ChannelId,
        member: &UserId,
        connection: ConnectionId,
        data: Option<Bytes>,
    ) -> Result<PresenceChange, PresenceError> {
        let key = keys::channel(channel);
        let call = calls::update(key, self.fresh(), member, connection, data.as_ref());
        match self.cluster.call(call).await {
            Err(CallError::Refused { code, .. }) if code == "FLABSENT" => {
                Err(PresenceError::NotEntered)
            }
            other => answer(channel, other, calls::changed),
        }
    }

    async fn leave(
        &self,
        channel: &ChannelId,
        member: &UserId,
        connection: ConnectionId,
    ) -> Result<Option<PresenceChange>, PresenceError> {
        let key = keys::channel(channel);
        let call = calls::leave(key, self.fresh(), member, connection);
        self.ask(channel, call, calls::changed_or_not).await
    }

    async fn refresh(
        &self,
        entries: &[(ChannelId, UserId, ConnectionId)],
        lease: Duration,
    ) -> Result<Vec<bool>, PresenceError> {
        let groups = Group::of(entries);
        let keys = groups.iter().map(|group| &group.key);
        let mut indexed = self.index.before_renewing(keys, lease).await;
        let calls = groups
            .iter()
            .map(|group| group.call(self.fresh(), lease))
            .collect();
        let answers = self.cluster.call_each(calls).await;

        let mut present = vec![false; entries.len()];
        let mut seen = Vec::new();
        let mut failure = None;
        for (group, value) in groups.into_iter().zip(answers) {
            let asked = group.places.len();
            let parse = |value| calls::refreshed(value, asked);
            let (epoch, there) = match answer(group.channel, value, parse) {
                Ok(answer) => answer,
                Err(error) => {
                    failure = Some(error);
                    continue;
                }
            };
            if there.contains(&true) {
                let indexed = indexed.remove(&group.key);
                seen.extend(indexed.map(|indexed| (group.key, indexed, epoch)));
            }
            for (place, there) in group.places.into_iter().zip(there) {
                if let Some(present) = present.get_mut(place) {
                    *present = there;
                }
            }
        }
        self.index.remember(seen).await;
        // Whoever was asked was renewed; but nobody may be called gone of whom nothing is known.
        failure.map_or(Ok(present), Err)
    }

    async fn reap(&self) -> Result<usize, PresenceError> {
        Ok(self.reaper.reap(&self.index).await?)
    }

    async fn roster(
        &self,
        channel: &ChannelId,
        after: Option<(UserId, ConnectionId)>,
        limit: usize,
    ) -> Result<Roster, PresenceError> {
        let call = calls::roster(keys::channel(channel), self.fresh(), after.as_ref(), limit);
        let parse = |value| calls::page(value, after.as_ref());
        let page = self.ask(channel, call, parse).await?;
        Ok(page.unwrap_or_else(nobody))
    }

    async fn members(&self, channel: &ChannelId) -> Result<usize, PresenceError> {
        let call = calls::members(keys::channel(channel), self.fresh());
        self.ask(channel, call, calls::counted).await
    }

    async fn revisions(
        &self,
        channels: &[ChannelId],
    ) -> Vec<Result<PresenceRevision, PresenceError>> {
        let call = |channel| calls::revision(keys::channel(channel), self.fresh());
        let answers = self.cluster.call_each(channels.iter().map(call).collect());
        channels
            .iter()
            .zip(answers.await)
            .map(|(channel, value)| answer(channel, value, calls::numbered))
            .collect()
    }
}

/// Entries of one channel, to be renewed in one call.
struct Group<'a> {
    channel: &'a ChannelId,
    key: Bytes,
    names: Vec<Bytes>,
    /// Where each stands among all that are asked for.
    places: Vec<usize>,
}

impl<'a> Group<'a> {
    fn of(entries: &'a [(ChannelId, UserId, ConnectionId)]) -> Vec<Self> {
        let mut groups: HashMap<&ChannelId, Group<'a>> = HashMap::new();
        for (place, (channel, member, connection)) in entries.iter().enumerate() {
            let group = groups.entry(channel).or_insert_with(|| Group {
                channel,
                key: keys::channel(channel),
                names: Vec::new(),
                places: Vec::new(),
            });
            group.names.push(entry::name(member, *connection));
            group.places.push(place);
        }
        groups.into_values().collect()
    }

    fn call(&self, fresh: Epoch, lease: Duration) -> Call {
        calls::refresh(self.key.clone(), fresh, lease, self.names.clone())
    }
}

/// A channel that nobody entered.
fn nobody() -> Roster {
    Roster {
        entries: Vec::new(),
        revision: PresenceRevision::NONE,
        members: 0,
        more: false,
    }
}

fn answer<T>(
    channel: &ChannelId,
    answer: Result<Value, CallError>,
    parse: impl FnOnce(Value) -> Option<T>,
) -> Result<T, PresenceError> {
    let value = answer.map_err(|error| failed(channel, &error))?;
    parse(value).ok_or_else(|| {
        tracing::error!(%channel, "Redis answered in a form that this version does not know");
        BrokerError::Unavailable.into()
    })
}

/// What is not known to be done may be repeated: nobody is counted twice.
fn failed(channel: &ChannelId, error: &CallError) -> PresenceError {
    if let CallError::Refused { code, detail } = error {
        tracing::error!(%channel, code, detail, "Redis refused a presence call");
    }
    BrokerError::Unavailable.into()
}
