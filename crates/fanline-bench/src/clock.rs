//! The time that stamps and budgets are measured with.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Counts nanoseconds since it was made. Publisher and subscriber share one, so that a latency is
/// a difference on a single clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a measuring tool reads the real clock, here only"
    )]
    pub(crate) fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// Nanoseconds since the start; 64 bits last for centuries.
    pub(crate) fn nanos(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// Seconds since 1970, for request signatures.
#[expect(
    clippy::disallowed_methods,
    reason = "a signature needs the wall clock"
)]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Lets a server settle, or looks again later at one that starts or stops.
#[expect(
    clippy::disallowed_methods,
    reason = "no event tells that another process is quiet"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
