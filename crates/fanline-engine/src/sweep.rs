//! The sweep: one walk over all sessions in place of a timer for each, and the repairs that need no event.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fanline_model::Timestamp;
use fanline_tenancy::Revision;

use crate::engine::Engine;
use crate::shared::{SessionShared, flag};

/// How often sessions are looked at.
const TICK: Duration = Duration::from_millis(500);
/// Every so many ticks the heads of all followed channels are compared: a lost last message comes within 5 s.
const HEADS_EVERY: u32 = 4;
/// Every so many ticks presence leases are renewed.
const LEASES_EVERY: u32 = 6;
/// How long a presence entry stands without being renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(15);
/// How long an entry stands after its connection fell silent.
pub(crate) const GRACE: Duration = Duration::from_secs(3);
/// How long before its end a credential should be renewed, at most.
pub(crate) const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// Entries renewed in one call.
const LEASES_AT_ONCE: usize = 1_000;

impl Engine {
    /// Sweeps until `shutdown` is ready.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()>) {
        let sweeping = async {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            for tick in 1u32.. {
                ticks.tick().await;
                self.sweep_sessions();
                self.hub.release_unused(self.now()).await;
                if tick.is_multiple_of(HEADS_EVERY) {
                    self.hub.compare_heads().await;
                }
                if tick.is_multiple_of(LEASES_EVERY) {
                    self.renew_leases().await;
                }
                if let Err(error) = self.presence.reap().await {
                    tracing::warn!(%error, "presence entries could not be reaped");
                }
            }
        };
        tokio::select! {
            () = sweeping => {}
            () = shutdown => {}
        }
    }

    fn sweep_sessions(&self) {
        let (now, wall) = (self.now(), self.clock.now());
        self.sessions.each(|shared| {
            let flags = shared.due(now, wall) | self.changed(shared);
            if flags != 0 {
                shared.raise(flags);
            }
        });
    }

    /// Whether the app has another snapshot than the one the session was judged by.
    fn changed(&self, shared: &SessionShared) -> u32 {
        let Some(identity) = shared.identity() else {
            return 0;
        };
        let held = self.directory.held(&identity.app).map(|app| app.revision);
        let judged = Revision {
            tenant: shared.judged_tenant.load(Ordering::Relaxed),
            app: shared.judged_app.load(Ordering::Relaxed),
        };
        if held.is_some_and(|held| held != judged) {
            flag::RECHECK
        } else {
            0
        }
    }

    async fn renew_leases(&self) {
        let entries: Vec<_> = self.entries.lock().keys().cloned().collect();
        for entries in entries.chunks(LEASES_AT_ONCE) {
            if let Err(error) = self.presence.refresh(entries, LEASE).await {
                tracing::warn!(%error, "presence leases could not be renewed");
            }
        }
    }
}

impl SessionShared {
    /// What time asks of the session.
    fn due(&self, now: u64, wall: Timestamp) -> u32 {
        let Some(_) = self.identity() else {
            let waited = Duration::from_millis(now.saturating_sub(self.opened_at));
            return if waited >= self.first_frame_within {
                flag::NO_CONNECT
            } else {
                0
            };
        };
        let silence = match self.unlinked_since.load(Ordering::Relaxed) {
            0 => self.due_by_silence(now),
            // Without a link nobody can be heard; the grace for another one is the only clock.
            _ => 0,
        };
        silence | self.due_by_credential(wall) | self.due_by_link(now)
    }

    fn due_by_silence(&self, now: u64) -> u32 {
        let since = |then: u64| Duration::from_millis(now.saturating_sub(then));
        let (heard, said) = (
            since(self.heard.load(Ordering::Relaxed)),
            since(self.said.load(Ordering::Relaxed)),
        );
        let idle = self.liveness.idle;
        if heard >= idle + self.liveness.answer_within {
            return flag::SILENT;
        }
        // A client that only listens is asked once per silence of its own, not at every tick.
        let asked = since(self.asked.load(Ordering::Relaxed));
        let ask = said >= idle || (heard >= idle && asked >= self.liveness.answer_within);
        if ask {
            self.asked.store(now, Ordering::Relaxed);
            flag::IDLE
        } else {
            0
        }
    }

    fn due_by_credential(&self, wall: Timestamp) -> u32 {
        let Some(expires_at) = self.expires_at() else {
            return 0;
        };
        if wall >= expires_at {
            return flag::EXPIRED;
        }
        let renew = wall.plus(RENEW_BEFORE.min(self.renew_before())) >= expires_at;
        if renew && !self.advised.swap(true, Ordering::Relaxed) {
            flag::RENEW
        } else {
            0
        }
    }

    fn due_by_link(&self, now: u64) -> u32 {
        let since = self.unlinked_since.load(Ordering::Relaxed);
        let over =
            since != 0 && Duration::from_millis(now.saturating_sub(since)) >= self.link_grace;
        if over { flag::UNLINKED } else { 0 }
    }
}
