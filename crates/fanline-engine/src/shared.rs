//! The part of a session that others may touch: its outbox, its id, and the flags that ask something of it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use fanline_model::{AppId, ConnectionId, Limits, Timestamp};
use fanline_protocol::Liveness;
use fanline_tenancy::Revision;
use parking_lot::Mutex;

use crate::link::Link;
use crate::outbox::Outbox;

/// Things that the session's task does when it next runs.
pub(crate) mod flag {
    /// Silence must be broken.
    pub(crate) const IDLE: u32 = 1;
    /// The client fell silent for too long.
    pub(crate) const SILENT: u32 = 1 << 1;
    /// The credential ends soon.
    pub(crate) const RENEW: u32 = 1 << 2;
    /// The credential has ended.
    pub(crate) const EXPIRED: u32 = 1 << 3;
    /// The app changed: every decision is made again.
    pub(crate) const RECHECK: u32 = 1 << 4;
    /// The node is drained.
    pub(crate) const DRAIN: u32 = 1 << 5;
    /// The outbox overflowed.
    pub(crate) const SLOW: u32 = 1 << 6;
    /// No first frame came in time.
    pub(crate) const NO_CONNECT: u32 = 1 << 7;
    /// A new link waits.
    pub(crate) const RELINK: u32 = 1 << 8;
    /// No new link came within the grace.
    pub(crate) const UNLINKED: u32 = 1 << 9;
    /// Frames for this connection alone wait.
    pub(crate) const DIRECT: u32 = 1 << 10;
    /// The app's backend or an operator ends the connection.
    pub(crate) const TERMINATED: u32 = 1 << 11;
    /// The broker went away or came back.
    pub(crate) const AVAILABILITY: u32 = 1 << 12;
}

/// What others know of a session.
pub(crate) struct SessionShared {
    pub(crate) outbox: Outbox,
    flags: AtomicU32,
    identity: OnceLock<Identity>,
    /// When something last came in, on the engine's coarse clock (milliseconds).
    pub(crate) heard: AtomicU64,
    /// When something last went out.
    pub(crate) said: AtomicU64,
    /// When the client was last asked for a sign of life.
    pub(crate) asked: AtomicU64,
    /// When the credential ends, by the wall clock; 0 never.
    expires_at: AtomicU64,
    /// How long the credential lived when it was judged, in milliseconds.
    lifetime: AtomicU64,
    /// Whether the client was told to renew its credential.
    pub(crate) advised: AtomicBool,
    /// Whether the client was last told that the broker is away.
    pub(crate) told_degraded: AtomicBool,
    /// The revision that the session was judged by.
    pub(crate) judged_tenant: AtomicU64,
    /// The revision that the session was judged by.
    pub(crate) judged_app: AtomicU64,
    /// Since when there is no link; 0 there is one.
    pub(crate) unlinked_since: AtomicU64,
    /// Rarely used: a link that replaces the present one, and frames from outside of any channel.
    pub(crate) mailbox: Mutex<Option<Box<Mailbox>>>,
    pub(crate) opened_at: u64,
    pub(crate) first_frame_within: Duration,
    pub(crate) liveness: Liveness,
    pub(crate) link_grace: Duration,
}

/// Who the session is, once it is authenticated.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) connection: ConnectionId,
    pub(crate) app: AppId,
}

/// What waits for a session beside its channels.
#[derive(Default)]
pub(crate) struct Mailbox {
    pub(crate) link: Option<Box<dyn Link>>,
    pub(crate) direct: Vec<(
        fanline_model::Channel,
        std::sync::Arc<fanline_model::Message>,
    )>,
}

// === impl SessionShared ===

impl SessionShared {
    pub(crate) fn new(liveness: Liveness, link_grace: Duration, now: u64) -> Self {
        let limits = Limits::default();
        Self {
            outbox: Outbox::new(limits.outbox_bytes),
            flags: AtomicU32::new(0),
            identity: OnceLock::new(),
            heard: AtomicU64::new(now),
            said: AtomicU64::new(now),
            asked: AtomicU64::new(0),
            expires_at: AtomicU64::new(0),
            lifetime: AtomicU64::new(0),
            advised: AtomicBool::new(false),
            told_degraded: AtomicBool::new(false),
            judged_tenant: AtomicU64::new(0),
            judged_app: AtomicU64::new(0),
            unlinked_since: AtomicU64::new(0),
            mailbox: Mutex::new(None),
            opened_at: now,
            first_frame_within: limits.first_frame_within,
            liveness,
            link_grace,
        }
    }

    /// Asks something of the session and wakes it.
    pub(crate) fn raise(&self, flags: u32) {
        let before = self.flags.fetch_or(flags, Ordering::AcqRel);
        if before & flags != flags {
            self.outbox.wake();
        }
    }

    /// What was asked since the last call.
    pub(crate) fn take_flags(&self) -> u32 {
        if self.flags.load(Ordering::Acquire) == 0 {
            0
        } else {
            self.flags.swap(0, Ordering::AcqRel)
        }
    }

    pub(crate) fn identify(&self, identity: Identity) {
        let _ = self.identity.set(identity);
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.get()
    }

    pub(crate) fn is(&self, connection: ConnectionId) -> bool {
        self.identity()
            .is_some_and(|identity| identity.connection == connection)
    }

    /// The session was judged by this revision, with a credential that ends then.
    pub(crate) fn judged(&self, revision: Revision, expires_at: Option<Timestamp>, now: Timestamp) {
        self.judged_tenant.store(revision.tenant, Ordering::Relaxed);
        self.judged_app.store(revision.app, Ordering::Relaxed);
        let lifetime = expires_at.map_or(0, |at| at.as_millis().saturating_sub(now.as_millis()));
        self.lifetime.store(lifetime, Ordering::Relaxed);
        self.expires_at.store(
            expires_at.map_or(0, Timestamp::as_millis),
            Ordering::Relaxed,
        );
        self.advised.store(false, Ordering::Relaxed);
    }

    /// How long before its end the credential should be renewed: a fifth of its life.
    pub(crate) fn renew_before(&self) -> Duration {
        Duration::from_millis(self.lifetime.load(Ordering::Relaxed) / 5)
    }

    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        match self.expires_at.load(Ordering::Relaxed) {
            0 => None,
            millis => Some(Timestamp::from_millis(millis)),
        }
    }
}
