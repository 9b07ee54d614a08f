//! A part of the channels, under one lock.

use ahash::RandomState;
use fanline_model::{Random, Retention, Timestamp};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::agenda::Agenda;
use super::budget::Budgets;
use super::channel::Channel;
use crate::broker::{BrokerError, ChannelId};

/// Channels and when they are due.
pub(super) struct Shard {
    /// Boxed, so that a table half full wastes pointers and not channels.
    channels: HashTable<Box<Channel>>,
    agenda: Agenda,
    hasher: RandomState,
}

/// A channel's id with its hash, which is computed once per act.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) id: &'a ChannelId,
    pub(super) hash: u64,
}

/// What it takes to open a channel.
pub(super) struct Opening<'a> {
    pub(super) retention: &'a Retention,
    pub(super) random: &'a dyn Random,
    pub(super) budgets: &'a Budgets,
}

impl Shard {
    pub(super) fn new(hasher: RandomState) -> Self {
        Self {
            channels: HashTable::new(),
            agenda: Agenda::default(),
            hasher,
        }
    }

    /// Acts on a channel, if it is remembered at this moment.
    pub(super) fn with<R>(
        &mut self,
        key: Key<'_>,
        now: Timestamp,
        act: impl FnOnce(&mut Channel) -> R,
    ) -> Option<R> {
        let mut entry = self
            .channels
            .find_entry(key.hash, |channel| channel.id == *key.id)
            .ok()?;
        let channel = entry.get_mut();
        channel.expire(now);
        if channel.is_over(now) {
            entry.remove();
            return None;
        }
        let answer = act(channel);
        settle(channel, &mut self.agenda, now);
        Some(answer)
    }

    /// Acts on a channel under this rule, which is opened if it is not remembered.
    pub(super) fn with_or_open<R>(
        &mut self,
        key: Key<'_>,
        now: Timestamp,
        opening: &Opening<'_>,
        act: impl FnOnce(&mut Channel) -> R,
    ) -> Result<R, BrokerError> {
        let entry = self.channels.entry(
            key.hash,
            |channel| channel.id == *key.id,
            |channel| self.hasher.hash_one(&channel.id),
        );
        let channel = match entry {
            Entry::Occupied(entry) => {
                let channel = entry.into_mut();
                channel.expire(now);
                if channel.is_over(now) {
                    channel.restart(now, opening.random);
                }
                channel.apply(opening.retention, opening.random);
                channel
            }
            Entry::Vacant(entry) => {
                let charge = opening.budgets.open(&key.id.app)?;
                let id = key.id.clone();
                let new = Channel::new(id, *opening.retention, now, opening.random, charge);
                entry.insert(Box::new(new)).into_mut()
            }
        };
        let answer = act(channel);
        settle(channel, &mut self.agenda, now);
        Ok(answer)
    }

    /// Puts a channel back that was saved, unless there is one already.
    pub(super) fn put_back(&mut self, channel: Box<Channel>, now: Timestamp) -> bool {
        let entry = self.channels.entry(
            self.hasher.hash_one(&channel.id),
            |present| present.id == channel.id,
            |present| self.hasher.hash_one(&present.id),
        );
        match entry {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                settle(entry.insert(channel).into_mut(), &mut self.agenda, now);
                true
            }
        }
    }

    /// Every channel, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Channel> {
        self.channels.iter().map(|channel| &**channel)
    }

    /// Forgets a channel at once.
    pub(super) fn remove(&mut self, key: Key<'_>) {
        if let Ok(entry) = self
            .channels
            .find_entry(key.hash, |channel| channel.id == *key.id)
        {
            entry.remove();
        }
    }

    /// Looks at what is due.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        for (second, ids) in self.agenda.take(now) {
            for id in ids {
                let hash = self.hasher.hash_one(&id);
                self.look_at(Key { id: &id, hash }, second, now);
            }
        }
    }

    fn look_at(&mut self, key: Key<'_>, second: u64, now: Timestamp) {
        let entry = self
            .channels
            .find_entry(key.hash, |channel| channel.id == *key.id);
        let Some(mut entry) = entry.ok().filter(|entry| entry.get().due == Some(second)) else {
            return;
        };
        let channel = entry.get_mut();
        channel.due = None;
        channel.expire(now);
        if channel.is_over(now) {
            entry.remove();
            return;
        }
        channel.log.shrink();
        settle(channel, &mut self.agenda, now);
    }
}

/// After an act on a channel: charges what it holds, and sees to it that it is looked at in time.
fn settle(channel: &mut Channel, agenda: &mut Agenda, now: Timestamp) {
    channel.settle();
    let Some(due) = channel.next_due() else {
        return;
    };
    let second = Agenda::second(due, now);
    if channel.due.is_none_or(|earlier| second < earlier) {
        channel.due = Some(second);
        agenda.enter(second, channel.id.clone());
    }
}
