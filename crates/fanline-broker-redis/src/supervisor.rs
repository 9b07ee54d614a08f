//! Keeps sharded subscriptions alive, which no client library does: after an ordinary `CLUSTER FAILOVER`, or
//! when one slot moves, delivery stops for good and the socket stays open (measured on two libraries).
//!
//! One RESP3 connection per primary ([`keeper`], [`line`]); what is wanted is held against what the servers
//! acknowledged ([`ledger`]), and the difference is sent, pipelined, whenever either changes: a wish, a view
//! of the cluster, a connection, or a server that ended a subscription by itself.
//!
//! It must never queue a message (the ear hears it on the connection's own task), never claim a subscription
//! that its server has not acknowledged, and never hide a gap: every channel that was acknowledged and
//! stands anew is told to the ear. A message may be told twice or late: by the two sides of a slot that
//! moves, and around a failover. A generation keeps away what an old connection still says, but a primary
//! that was frozen and wakes hands its backlog to its successor over the cluster's own bus, and that comes
//! on the present connection (measured). The listener knows positions, this module does not.
//!
//! **Why `redis` and not a socket of our own.** 10,000 `SSUBSCRIBE` go out pipelined, and every push is seen.
//! What it gets wrong is counting: a `sunsubscribe` that the server sent by itself is taken for the reply of
//! the oldest command under way, and every later reply is then one too early until the queue has run empty.
//! So nothing here is believed from a reply: a subscription stands because its push said so, and a reply
//! only says that it is time to look. For the same reason a command names one channel, though a server would
//! take many of one slot: a refused command answers once, not once per channel, and the count would be off.
//!
//! **While a slot moves** (measured on Redis 7.0.15): the receiving primary answers `SSUBSCRIBE` with
//! `MOVED`, but takes it right after `ASKING`, each time anew, and keeps it when it becomes the owner. The
//! giving primary still takes subscriptions, and sends `sunsubscribe` for each the moment it learns of the
//! new owner. A function called on a key that is on the other side is answered `ASK`, and what it publishes
//! there is heard there only: hence both sides. After a move was called off the receiver answers
//! `SUNSUBSCRIBE` with `MOVED`, `ASKING` or not: that subscription stays, without messages, until the slot
//! comes back or the connection ends.

mod backoff;
mod keeper;
mod ledger;
mod line;

use std::collections::HashMap;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

use self::keeper::Keeper;
use self::ledger::Ledger;
use crate::connector::Connector;
use crate::topology::{Address, Topology};

/// What the supervisor tells. Called on the tasks of connections: returns quickly, calls nothing back.
pub(crate) trait Ear: Send + Sync + 'static {
    /// A message of a subscribed shard channel, in the order of its connection.
    fn message(&self, shard_channel: &[u8], payload: Bytes);

    /// Messages of these shard channels may have been missed: their subscription was interrupted and stands
    /// again. Also told when a second side begins to stand because their slot began to move.
    fn interrupted(&self, shard_channels: &[Bytes]);
}

/// Keeps the wanted shard channels subscribed at whoever owns their slots.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    connector: Connector,
    topology: watch::Receiver<Arc<Topology>>,
}

/// Figures for metrics and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Channels that are wanted now.
    pub(crate) wanted: usize,
    /// Of these, how many the present owner of their slot has acknowledged.
    pub(crate) acknowledged: usize,
    /// Messages that were handed to the ear.
    pub(crate) messages: u64,
    /// Connections that were opened in place of a lost one.
    pub(crate) reconnects: u64,
}

/// What all connections share.
struct Shared {
    ledger: Mutex<Ledger>,
    ear: Arc<dyn Ear>,
    /// The view of the cluster may be out of date.
    suspect: Box<dyn Fn() + Send + Sync>,
    messages: AtomicU64,
    reconnects: AtomicU64,
}

/// The keepers of connections, one per primary.
#[derive(Default)]
struct Keepers {
    by_primary: HashMap<Box<str>, (Address, AbortHandle)>,
    tasks: JoinSet<()>,
}

// === impl Supervisor ===

impl Supervisor {
    pub(crate) fn new(
        connector: Connector,
        topology: watch::Receiver<Arc<Topology>>,
        suspect: Box<dyn Fn() + Send + Sync>,
        ear: Arc<dyn Ear>,
    ) -> Arc<Self> {
        let shared = Shared {
            ledger: Mutex::new(Ledger::new()),
            ear,
            suspect,
            messages: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
        };
        Arc::new(Self {
            shared: Arc::new(shared),
            connector,
            topology,
        })
    }

    /// Follows the cluster until `shutdown`; then every connection is closed.
    pub(crate) async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        let mut topology = self.topology.clone();
        let mut keepers = Keepers::default();
        loop {
            let view = Arc::clone(&topology.borrow_and_update());
            self.shared.ledger.lock().turn(&view);
            keepers.adjust(&view, &self.shared, &self.connector);
            tokio::select! {
                () = &mut shutdown => break,
                changed = topology.changed() => if changed.is_err() {
                    // Nobody looks at the cluster any more: serve what was last seen.
                    shutdown.await;
                    break;
                },
            }
        }
        keepers.tasks.shutdown().await;
    }

    /// Wants a shard channel; returns once the present owner of its slot has acknowledged the subscription.
    /// Idempotent. Waits as long as it takes: the caller bounds it, and may be dropped; the wish stays until
    /// [`release`](Self::release), after which this never returns.
    pub(crate) async fn follow(&self, shard_channel: Bytes) {
        let acknowledged = self.shared.ledger.lock().wish(&shard_channel);
        let Some(acknowledged) = acknowledged else {
            return;
        };
        if acknowledged.await.is_err() {
            // Released meanwhile: there is nothing to acknowledge, and nothing to claim.
            pending::<()>().await;
        }
    }

    /// Does not want it any more. A message may still arrive shortly afterwards.
    pub(crate) fn release(&self, shard_channel: &[u8]) {
        self.shared.ledger.lock().release(shard_channel);
    }

    /// Whether every primary is connected, and what was acknowledged stands.
    pub(crate) fn is_whole(&self) -> bool {
        self.shared.ledger.lock().is_whole()
    }

    pub(crate) fn counters(&self) -> Counters {
        let (wanted, acknowledged) = self.shared.ledger.lock().count();
        Counters {
            wanted,
            acknowledged,
            messages: self.shared.messages.load(Ordering::Relaxed),
            reconnects: self.shared.reconnects.load(Ordering::Relaxed),
        }
    }
}

// === impl Keepers ===

impl Keepers {
    /// One connection to each primary of the view, and none to anybody else.
    fn adjust(&mut self, view: &Topology, shared: &Arc<Shared>, connector: &Connector) {
        self.by_primary.retain(|id, (address, task)| {
            let stays = view
                .find(id)
                .is_some_and(|primary| primary.address == *address);
            if !stays {
                task.abort();
            }
            stays
        });
        while self.tasks.try_join_next().is_some() {}
        for primary in &view.primaries {
            if !self.by_primary.contains_key(&primary.id) {
                let keeper =
                    Keeper::new(Arc::clone(shared), connector.clone(), Arc::clone(primary));
                let task = self.tasks.spawn(keeper.keep());
                self.by_primary
                    .insert(primary.id.clone(), (primary.address.clone(), task));
            }
        }
    }
}

#[cfg(test)]
mod tests;
