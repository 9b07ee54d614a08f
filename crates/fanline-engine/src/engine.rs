//! The engine of one node: everything that its sessions share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fanline_broker::{Broker, Feed, Presence};
use fanline_model::{Clock, ConnectionId, Random};
use fanline_protocol::{Open, Protocol, Realtime};
use fanline_tenancy::{Directory, Verifier};
use tokio::time::Instant;

use crate::connection_key::ConnectionKeys;
use crate::entries::Entries;
use crate::hub::{Hub, HubFeed};
use crate::link::Link;
use crate::session::Session;
use crate::sessions::Sessions;
use crate::shared::flag;

/// What an engine is made of.
pub struct EngineParts {
    /// Numbers, keeps and carries messages.
    pub broker: Arc<dyn Broker>,
    /// Knows who is there.
    pub presence: Arc<dyn Presence>,
    /// Knows the apps.
    pub directory: Arc<dyn Directory>,
    /// Judges proofs.
    pub verifier: Arc<Verifier>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub random: Arc<dyn Random>,
    /// The installation's secret for connection keys.
    pub connection_secret: [u8; 32],
}

/// The engine of one node.
pub struct Engine {
    pub(crate) hub: Arc<Hub>,
    pub(crate) presence: Arc<dyn Presence>,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) keys: ConnectionKeys,
    pub(crate) sessions: Sessions,
    pub(crate) entries: Entries,
    pub(crate) draining: AtomicBool,
    pub(crate) counters: Counters,
    started: Instant,
}

/// What an engine has done, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Sessions open now, authenticated or not.
    pub sessions: u64,
    /// Channels that are followed, or were a moment ago.
    pub followed: u64,
    /// Sessions ever opened.
    pub opened: u64,
    /// Messages published through this node.
    pub published: u64,
    /// Frames handed to links.
    pub frames: u64,
    /// Commands refused.
    pub refused: u64,
    /// Sessions closed because they read too slowly.
    pub slow: u64,
}

/// Running counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) opened: AtomicU64,
    pub(crate) published: AtomicU64,
    pub(crate) frames: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) slow: AtomicU64,
}

// === impl Engine ===

impl Engine {
    /// An engine of these parts. Give its [`Engine::feed`] to the broker before anything is published.
    pub fn new(parts: EngineParts) -> Arc<Self> {
        Arc::new(Self {
            hub: Hub::new(parts.broker, Arc::clone(&parts.presence)),
            presence: parts.presence,
            directory: parts.directory,
            verifier: parts.verifier,
            clock: parts.clock,
            random: parts.random,
            keys: ConnectionKeys::new(parts.connection_secret),
            sessions: Sessions::new(),
            entries: Entries::default(),
            draining: AtomicBool::new(false),
            counters: Counters::default(),
            started: Instant::now(),
        })
    }

    /// Where the broker delivers what this node follows. It does not keep the engine alive.
    pub fn feed(&self) -> Arc<dyn Feed> {
        Arc::new(HubFeed(Arc::downgrade(&self.hub)))
    }

    /// What HTTP sides ask.
    pub fn realtime(self: &Arc<Self>) -> Arc<dyn Realtime> {
        Arc::new(crate::realtime::EngineRealtime(Arc::clone(self)))
    }

    /// Serves one connection to its end.
    pub fn serve(
        self: &Arc<Self>,
        protocol: Arc<dyn Protocol>,
        open: &Open,
        link: Box<dyn Link>,
    ) -> impl Future<Output = ()> + Send + 'static {
        Session::new(Arc::clone(self), protocol, open, link).run()
    }

    /// Gives a session another link, in place of its present or lost one. Answers the link back if there
    /// is no such session here.
    pub fn relink(
        &self,
        connection: ConnectionId,
        link: Box<dyn Link>,
    ) -> Result<(), Box<dyn Link>> {
        let Some(shared) = self.sessions.find(connection) else {
            return Err(link);
        };
        shared.mailbox.lock().get_or_insert_default().link = Some(link);
        shared.raise(flag::RELINK);
        Ok(())
    }

    /// Ends every session, spread over a while, each with the advice to come back at once. Returns when
    /// all are gone or the while is over twice.
    pub async fn drain(&self, over: Duration) {
        self.draining.store(true, Ordering::Release);
        let sessions = u32::try_from(self.sessions.len()).unwrap_or(u32::MAX);
        let pace = over.checked_div(sessions.max(1)).unwrap_or_default();
        let mut all = Vec::with_capacity(sessions as usize);
        self.sessions
            .each(|shared| all.push(Arc::downgrade(shared)));
        // Timers are no finer than a millisecond, so sessions leave in groups.
        let group = (1.0 / pace.as_secs_f64().max(1e-9) / 1000.0)
            .ceil()
            .clamp(1.0, 1e6) as usize;
        for sessions in all.chunks(group) {
            for shared in sessions.iter().filter_map(std::sync::Weak::upgrade) {
                shared.raise(flag::DRAIN);
            }
            tokio::time::sleep(
                pace.saturating_mul(u32::try_from(group).unwrap_or(1))
                    .min(over),
            )
            .await;
        }
        let rest = async {
            while self.sessions.len() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(over.max(Duration::from_secs(1)), rest).await;
    }

    /// Whether the node is being drained.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// What it has done so far.
    pub fn stats(&self) -> EngineStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EngineStats {
            sessions: self.sessions.len() as u64,
            followed: self.hub.followed() as u64,
            opened: read(&self.counters.opened),
            published: read(&self.counters.published),
            frames: read(&self.counters.frames),
            refused: read(&self.counters.refused),
            slow: read(&self.counters.slow),
        }
    }

    /// Milliseconds on the runtime's clock since the engine began; one more than zero.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis())
            .unwrap_or(u64::MAX)
            .saturating_add(1)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
