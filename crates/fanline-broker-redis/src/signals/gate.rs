//! Which signals are let in: those of a node of this installation, fresh, and heard for the first time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fanline_broker::Signal;
use fanline_model::Clock;
use parking_lot::Mutex;

use super::envelope;
use super::identity::SignalSender;
use super::kinds::{self, Content};
use super::replay::{Heard, TOLERANCE};

/// Judges what arrives.
pub(super) struct Gate {
    us: SignalSender,
    clock: Arc<dyn Clock>,
    heard: Mutex<Heard>,
}

/// What arrived and was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// For the handlers.
    Signal(Signal),
    /// Of a kind that this version does not know.
    OfLaterVersion,
    /// Our own, which was heard when it was sent.
    Ours,
}

/// Why what arrived was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it cannot be read: an upgraded node may send what this one does not understand")]
    Unreadable,
    #[error("it belongs to another installation: give each one a Redis of its own")]
    Foreign,
    #[error("it is signed with a version of the key that this node does not hold")]
    UnknownKey,
    #[error("its signature is wrong")]
    Forged,
    #[error("its time is too far from ours: compare the clocks of the nodes")]
    Stale,
    #[error("it was heard already")]
    Replayed,
}

/// How often each refusal was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefusedSignals {
    /// No envelope that this version can read.
    pub unreadable: u64,
    /// Of another installation.
    pub foreign: u64,
    /// Signed with a version of the key that is not held.
    pub unknown_key: u64,
    /// Not signed with the key.
    pub forged: u64,
    /// Too old, or too far in the future.
    pub stale: u64,
    /// Heard before.
    pub replayed: u64,
}

/// The running count.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    unreadable: AtomicU64,
    foreign: AtomicU64,
    unknown_key: AtomicU64,
    forged: AtomicU64,
    stale: AtomicU64,
    replayed: AtomicU64,
}

// === impl Gate ===

impl Gate {
    pub(super) fn new(us: SignalSender, clock: Arc<dyn Clock>) -> Self {
        Self {
            us,
            clock,
            heard: Mutex::default(),
        }
    }

    /// Signs what we send.
    pub(super) fn sign(&self, signal: &Signal, counter: u64) -> Vec<u8> {
        let (kind, body) = kinds::write(signal);
        envelope::write(&self.us, counter, self.clock.now(), (kind, &body))
    }

    /// Judges what arrived. Nothing is remembered of what is not authentic.
    pub(super) fn judge(&self, bytes: &[u8]) -> Result<Arrival, Refusal> {
        let envelope = envelope::read(bytes).ok_or(Refusal::Unreadable)?;
        if envelope.installation != self.us.installation {
            return Err(Refusal::Foreign);
        }
        if envelope.key_version != self.us.key.version() {
            return Err(Refusal::UnknownKey);
        }
        if !self.us.key.has_signed(envelope.signed, envelope.mac) {
            return Err(Refusal::Forged);
        }
        if envelope.boot == self.us.boot {
            return Ok(Arrival::Ours);
        }
        let now = self.clock.now();
        let apart = now.since(envelope.time).max(envelope.time.since(now));
        if apart > TOLERANCE {
            return Err(Refusal::Stale);
        }
        let mut heard = self.heard.lock();
        if !heard.is_first(envelope.boot, envelope.counter, envelope.time, now) {
            return Err(Refusal::Replayed);
        }
        match kinds::read(envelope.kind, envelope.body) {
            Some(Content::Known(signal)) => Ok(Arrival::Signal(signal)),
            Some(Content::Unknown) => Ok(Arrival::OfLaterVersion),
            None => Err(Refusal::Unreadable),
        }
    }
}

// === impl Refusals ===

impl Refusals {
    /// Counts one; whether it is the first of its reason.
    pub(super) fn count(&self, refusal: Refusal) -> bool {
        let counter = match refusal {
            Refusal::Unreadable => &self.unreadable,
            Refusal::Foreign => &self.foreign,
            Refusal::UnknownKey => &self.unknown_key,
            Refusal::Forged => &self.forged,
            Refusal::Stale => &self.stale,
            Refusal::Replayed => &self.replayed,
        };
        counter.fetch_add(1, Ordering::Relaxed) == 0
    }

    pub(super) fn read(&self) -> RefusedSignals {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RefusedSignals {
            unreadable: read(&self.unreadable),
            foreign: read(&self.foreign),
            unknown_key: read(&self.unknown_key),
            forged: read(&self.forged),
            stale: read(&self.stale),
            replayed: read(&self.replayed),
        }
    }
}

#[cfg(test)]
mod tests;
