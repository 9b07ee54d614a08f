//! What can go wrong with a real cluster, on demand, so that the rules for it are tested without one.
//!
//! On the concrete type only: the port knows no such thing, and nothing but tests calls it.

use fanline_model::{Epoch, Fork};

use super::broker::MemoryBroker;
use super::channel::Channel;
use crate::broker::ChannelId;

impl MemoryBroker {
    /// As after a failover to a replica that lags: what was published after `at` is gone, with its
    /// idempotency records and last values, and a new epoch begins whose first message carries the fork.
    pub fn fork(&self, channel: &ChannelId, at: u64) {
        let epoch = Epoch::generate(&**self.random());
        self.act(channel, |channel| channel.fork(at, epoch));
    }

    /// The next `count` logged messages are not carried to the feed, and nobody announces it.
    pub fn lose_next(&self, channel: &ChannelId, count: usize) {
        self.act(channel, |channel| channel.lose += count);
    }

    /// Evicts what is numbered up to `through`.
    pub fn evict(&self, channel: &ChannelId, through: u64) {
        self.act(channel, |channel| channel.log.evict(through));
    }

    /// The channel's metadata is gone with all that hangs on it; who follows it still does.
    pub fn forget(&self, channel: &ChannelId) {
        let (key, now) = (self.key(channel), self.clock().now());
        let mut shard = self.shard(key).lock();
        let followed = shard.with(key, now, |channel| {
            channel.restart(now, &**self.random());
            channel.followed
        });
        if followed == Some(false) {
            shard.remove(key);
        }
    }

    /// Tells the feed that messages of the channel may have been missed.
    pub fn disrupt(&self, channel: &ChannelId) {
        self.tell(channel, |feed| feed.disrupted(channel));
    }

    fn act(&self, channel: &ChannelId, act: impl FnOnce(&mut Channel)) {
        let (key, now) = (self.key(channel), self.clock().now());
        self.shard(key).lock().with(key, now, act);
    }
}

impl Channel {
    fn fork(&mut self, at: u64, epoch: Epoch) {
        let Some(before) = self.numbering.epoch else {
            return;
        };
        let at = at.min(self.numbering.seq);
        self.numbering.lineage.push(Fork { epoch: before, at });
        self.numbering.epoch = Some(epoch);
        self.numbering.seq = at;
        self.log.truncate(at);
        self.values.truncate(at);
        self.fill_values();
        self.records
            .retain(|record| record.position.is_none_or(|position| position.seq <= at));
        self.version = self.version.filter(|(_, seq)| *seq <= at);
    }
}
