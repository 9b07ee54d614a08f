//! The channels that this node follows, and who hears what they carry.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use fanline_broker::{ChannelId, Feed};
use parking_lot::RwLock;

use crate::library;
use crate::presence::change;
use crate::supervisor::Ear;

/// The channels that this node follows, by their shard channel.
#[derive(Default)]
pub(super) struct Followed {
    pub(super) channels: RwLock<HashMap<Bytes, ChannelId>>,
    pub(super) feed: OnceLock<Arc<dyn Feed>>,
}

// === impl Followed ===

impl Ear for Followed {
    fn message(&self, shard_channel: &[u8], payload: Bytes) {
        let Some(channel) = self.channels.read().get(shard_channel).cloned() else {
            return;
        };
        let Some(feed) = self.feed.get() else { return };
        if let Some(change) = change::decode(payload.clone()) {
            return feed.presence(&channel, change);
        }
        match library::carried(&payload) {
            Some(message) => feed.message(&channel, message),
            // The log is the truth: whatever this was, the comparison of heads finds it missing.
            None => feed.disrupted(&channel),
        }
    }

    fn interrupted(&self, shard_channels: &[Bytes]) {
        let Some(feed) = self.feed.get() else { return };
        for shard_channel in shard_channels {
            let channel = self.channels.read().get(shard_channel).cloned();
            if let Some(channel) = channel {
                feed.disrupted(&channel);
            }
        }
    }
}
