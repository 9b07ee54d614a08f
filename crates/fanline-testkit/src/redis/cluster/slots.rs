//! Moves a slot from one primary to another, in one go or step by step.

use anyhow::{Result, ensure};
use redis::Cmd;

use super::{Node, RedisCluster};
use crate::redis::wait;

/// How many keys go at a time.
const BATCH: usize = 100;
/// How long the receiving node may take for them.
const CARRY_WITHIN_MILLIS: u64 = 5_000;

/// A slot between two primaries: the old one sends callers on (ASK) for each key that it has no more.
#[derive(Debug)]
#[must_use = "the slot stays between its primaries until the move is finished"]
pub struct SlotMove<'a> {
    cluster: &'a RedisCluster,
    slot: u16,
    from: Node,
    to: Node,
}

impl RedisCluster {
    /// Moves a slot with its keys, and waits until every running node knows.
    pub async fn move_slot(&self, slot: u16, to: Node) -> Result<()> {
        self.begin_moving_slot(slot, to).await?.finish().await
    }

    /// Opens a slot on both sides; no key moves yet.
    pub async fn begin_moving_slot(&self, slot: u16, to: Node) -> Result<SlotMove<'_>> {
        let from = self.primary_of(slot).await?;
        ensure!(from != to, "slot {slot} is there already");
        // In this order: whom the old one sends on, the new one must not send back.
        let importing = set_slot(slot, "IMPORTING", self.id(from));
        self.ask::<()>(to, &importing).await?;
        let migrating = set_slot(slot, "MIGRATING", self.id(to));
        self.ask::<()>(from, &migrating).await?;
        Ok(SlotMove {
            cluster: self,
            slot,
            from,
            to,
        })
    }
}

// === impl SlotMove ===

impl SlotMove<'_> {
    /// Who had the slot.
    #[must_use]
    pub fn from(&self) -> Node {
        self.from
    }

    /// Who gets it.
    #[must_use]
    pub fn to(&self) -> Node {
        self.to
    }

    /// Moves all keys that the old primary still has; the slot stays open.
    pub async fn carry_keys(&self) -> Result<()> {
        loop {
            let keys = self.waiting_keys().await?;
            if keys.is_empty() {
                return Ok(());
            }
            self.carry(&keys).await?;
        }
    }

    /// Moves every second key that the old primary has; the slot stays open. Answers those that moved.
    pub async fn carry_half(&self) -> Result<Vec<Vec<u8>>> {
        let mut count = redis::cmd("CLUSTER");
        count.arg("COUNTKEYSINSLOT").arg(self.slot);
        let count: usize = self.cluster.ask(self.from, &count).await?;
        let keys: Vec<_> = self.keys(count).await?.into_iter().step_by(2).collect();
        for some in keys.chunks(BATCH) {
            self.carry(some).await?;
        }
        Ok(keys)
    }

    async fn carry(&self, keys: &[Vec<u8>]) -> Result<()> {
        let receiver = self.cluster.server(self.to);
        let (port, _) = receiver.ports();
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg(receiver.ip().to_string()).arg(port);
        migrate.arg("").arg(0).arg(CARRY_WITHIN_MILLIS);
        migrate.arg("KEYS").arg(keys);
        self.cluster.ask::<()>(self.from, &migrate).await
    }

    /// Moves what is left, closes the slot, and waits until every running node knows.
    pub async fn finish(self) -> Result<()> {
        self.carry_keys().await?;
        // The new primary first, so that there is never none; then those who need not wait for gossip.
        let owner = set_slot(self.slot, "NODE", self.cluster.id(self.to));
        self.cluster.ask::<()>(self.to, &owner).await?;
        self.cluster.ask::<()>(self.from, &owner).await?;
        for node in self.others().await? {
            self.cluster.ask::<()>(node, &owner).await?;
        }
        wait::until("the slot's move is known", || self.must_be_known()).await
    }

    async fn waiting_keys(&self) -> Result<Vec<Vec<u8>>> {
        self.keys(BATCH).await
    }

    /// So many keys that the old primary has.
    async fn keys(&self, most: usize) -> Result<Vec<Vec<u8>>> {
        let mut keys = redis::cmd("CLUSTER");
        keys.arg("GETKEYSINSLOT").arg(self.slot).arg(most);
        self.cluster.ask(self.from, &keys).await
    }

    /// The running primaries beside the two: replicas refuse to be told.
    async fn others(&self) -> Result<Vec<Node>> {
        let mut others = Vec::new();
        for node in self.cluster.running() {
            let is_primary = self.cluster.view(node).await?.own()?.follows.is_none();
            if is_primary && node != self.from && node != self.to {
                others.push(node);
            }
        }
        Ok(others)
    }

    async fn must_be_known(&self) -> Result<()> {
        for node in self.cluster.running() {
            let view = self.cluster.view(node).await?;
            ensure!(
                view.owner_of(self.slot) == Some(self.cluster.id(self.to)),
                "{} does not know where slot {} went",
                self.cluster.address(node),
                self.slot
            );
        }
        Ok(())
    }
}

fn set_slot(slot: u16, state: &str, id: &str) -> Cmd {
    let mut command = redis::cmd("CLUSTER");
    command.arg("SETSLOT").arg(slot).arg(state).arg(id);
    command
}
