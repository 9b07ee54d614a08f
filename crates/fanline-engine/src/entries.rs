//! The presence entries that this node's sessions hold: whose leases it renews, and what it enters again where they
//! were lost.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use bytes::Bytes;
use fanline_broker::{ChannelId, Entry, Presence, PresenceError};
use fanline_model::{ConnectionId, UserId};
use parking_lot::Mutex;

use crate::sessions::SessionKey;

/// Names an entry.
pub(crate) type EntryKey = (ChannelId, UserId, ConnectionId);

/// How long a presence entry stands without being renewed.
pub(crate) const LEASE: std::time::Duration = std::time::Duration::from_secs(15);
/// Entries renewed in one call.
const AT_ONCE: usize = 1_000;

/// The entries of this node's sessions.
#[derive(Default)]
pub(crate) struct Entries {
    held: Mutex<HashMap<EntryKey, Held, RandomState>>,
}

/// One entry, as it would be entered again.
#[derive(Clone)]
pub(crate) struct Held {
    /// Which session holds it: of two with one connection id, the newest.
    pub(crate) session: SessionKey,
    pub(crate) entry: Arc<Entry>,
    /// How many members the channel may have.
    pub(crate) limit: usize,
}

// === impl Entries ===

impl Entries {
    pub(crate) fn hold(&self, key: EntryKey, held: Held) {
        self.held.lock().insert(key, held);
    }

    /// Lets go of an entry, before it leaves: from here on nobody renews it or enters it again. `None` if another
    /// session holds it.
    pub(crate) fn release(&self, key: &EntryKey, session: SessionKey) -> Option<Held> {
        let mut held = self.held.lock();
        if held.get(key)?.session != session {
            return None;
        }
        held.remove(key)
    }

    /// The entry with other data.
    pub(crate) fn with_data(&self, key: &EntryKey, data: Option<Bytes>) -> Option<Held> {
        let mut held = self.held.lock();
        let held = held.get_mut(key)?;
        held.entry = Arc::new(Entry {
            data,
            ..Entry::clone(&held.entry)
        });
        Some(held.clone())
    }

    /// Renews every lease. An entry that is not there any more was lost by a failover, or was ended while this node
    /// slept; its session is still here, so it is entered again.
    pub(crate) async fn renew(&self, presence: &dyn Presence) {
        let keys: Vec<_> = self.held.lock().keys().cloned().collect();
        for keys in keys.chunks(AT_ONCE) {
            let present = match presence.refresh(keys, LEASE).await {
                Ok(present) => present,
                Err(error) => {
                    tracing::warn!(%error, "presence leases could not be renewed");
                    continue;
                }
            };
            for (key, _) in keys.iter().zip(present).filter(|(_, present)| !present) {
                if let Err(error) = self.enter_again(presence, key).await {
                    tracing::warn!(channel = %key.0, %error, "a member could not be entered again");
                }
            }
        }
    }

    async fn enter_again(
        &self,
        presence: &dyn Presence,
        key: &EntryKey,
    ) -> Result<(), PresenceError> {
        let Some(held) = self.get(key) else {
            return Ok(());
        };
        let entry = Entry::clone(&held.entry);
        presence.enter(&key.0, entry, LEASE, held.limit).await?;
        // Whoever left meanwhile left what was not there yet.
        if self.get(key).is_none() {
            presence.leave(&key.0, &key.1, key.2).await?;
        }
        Ok(())
    }

    fn get(&self, key: &EntryKey) -> Option<Held> {
        self.held.lock().get(key).cloned()
    }
}
