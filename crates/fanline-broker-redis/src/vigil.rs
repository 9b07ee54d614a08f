//! Judges whether Redis is there, for those who wait for messages.
//!
//! A node can only tell what it tried: whether the cluster can be asked and is whole, whether every primary is
//! connected, and whether every subscription stands that stood before. What fails for less than a moment (an
//! ordinary failover, a slot that moves) is nobody's concern: nothing is lost, and it is retried anyway.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::supervisor::Supervisor;
use crate::topology::TopologyWatch;

/// How often to judge.
const PACE: Duration = Duration::from_millis(250);
/// How long something must fail before Redis counts as away.
const PATIENCE: Duration = Duration::from_secs(1);

/// The judgement, kept up to date by [`Vigil::keep`].
pub(crate) struct Vigil {
    topology: Arc<TopologyWatch>,
    supervisor: Arc<Supervisor>,
    available: AtomicBool,
}

// === impl Vigil ===

impl Vigil {
    /// Redis is there until it was missed.
    pub(crate) fn new(topology: Arc<TopologyWatch>, supervisor: Arc<Supervisor>) -> Self {
        Self {
            topology,
            supervisor,
            available: AtomicBool::new(true),
        }
    }

    pub(crate) fn is_available(&self) -> bool {
        self.available.load(Ordering::Relaxed)
    }

    /// Judges again and again.
    pub(crate) async fn keep(&self) -> Infallible {
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut failing_since = None;
        loop {
            ticks.tick().await;
            if self.is_whole() {
                failing_since = None;
                self.turn(true);
            } else if failing_since.get_or_insert_with(Instant::now).elapsed() >= PATIENCE {
                self.turn(false);
            }
        }
    }

    /// Whether nothing is known to fail at this moment.
    pub(crate) fn is_whole(&self) -> bool {
        self.topology.trouble().is_none() && self.supervisor.is_whole()
    }

    fn turn(&self, available: bool) {
        match (self.available.swap(available, Ordering::Relaxed), available) {
            (true, false) => {
                tracing::warn!("Redis is away: messages come late, publishes are retried")
            }
            (false, true) => tracing::info!("Redis is back, and every subscription stands"),
            _ => {}
        }
    }
}
