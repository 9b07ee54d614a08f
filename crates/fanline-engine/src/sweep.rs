//! The sweep: one walk over all sessions in place of a timer for each, and the repairs that need no event.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fanline_model::Timestamp;
use fanline_tenancy::Revision;
use tokio::time::{Interval, MissedTickBehavior};

use crate::engine::Engine;
use crate::shared::{SessionShared, flag};

/// How often sessions are looked at.
const TICK: Duration = Duration::from_millis(500);
/// How often the heads of all followed channels are compared, and their rosters: a lost last message comes within
/// 5 s.
const COMPARE_HEADS: Duration = Duration::from_secs(2);
/// How often presence leases are renewed.
const RENEW_LEASES: Duration = Duration::from_millis(1_500);
/// How often entries that outlived their lease are looked for.
const REAP: Duration = Duration::from_millis(500);
/// How long an entry stands after its connection fell silent.
pub(crate) const GRACE: Duration = Duration::from_secs(3);
/// How long before its end a credential should be renewed, at most.
pub(crate) const RENEW_BEFORE: Duration = Duration::from_secs(60);

// === impl Engine ===

impl Engine {
    /// Sweeps until `shutdown` is ready. Each kind of work has a pace of its own: a broker that does not
    /// answer must not keep a credential alive, nor a heartbeat from being sent.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()>) {
        let sweeping = async {
            tokio::join!(
                self.keep_sweeping_sessions(),
                self.keep_comparing_heads(),
                self.keep_renewing_leases(),
                self.keep_reaping(),
            )
        };
        tokio::select! {
            _ = sweeping => {}
            () = shutdown => {}
        }
    }

    async fn keep_sweeping_sessions(&self) -> Infallible {
        let mut ticks = every(TICK);
        loop {
            ticks.tick().await;
            self.sweep_sessions();
        }
    }

    async fn keep_comparing_heads(&self) -> Infallible {
        let mut ticks = every(COMPARE_HEADS);
        loop {
            ticks.tick().await;
            self.hub.release_unused(self.now()).await;
            tokio::join!(self.hub.compare_heads(), self.hub.compare_members());
        }
    }

    async fn keep_renewing_leases(&self) -> Infallible {
        let mut ticks = every(RENEW_LEASES);
        loop {
            ticks.tick().await;
            self.entries.renew(&*self.presence).await;
        }
    }

    async fn keep_reaping(&self) -> Infallible {
        let mut ticks = every(REAP);
        let mut well = true;
        loop {
            ticks.tick().await;
            let reaped = self.presence.reap().await;
            // Said when it turns, not while it lasts.
            match &reaped {
                Err(error) if well => {
                    tracing::warn!(%error, "presence entries cannot be reaped; trying on");
                }
                Ok(_) if !well => tracing::info!("presence entries are reaped again"),
                _ => {}
            }
            well = reaped.is_ok();
        }
    }

    fn sweep_sessions(&self) {
        let (now, wall) = (self.now(), self.clock.now());
        let degraded = self.is_degraded();
        self.sessions.each(|shared| {
            let flags =
                shared.due(now, wall) | shared.due_by_availability(degraded) | self.changed(shared);
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

fn every(period: Duration) -> Interval {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
