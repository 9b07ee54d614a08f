//! How long to try, and how long to wait in between.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The first wait; each further one is twice as long.
const SHORTEST: Duration = Duration::from_millis(40);
const LONGEST: Duration = Duration::from_millis(200);

/// Budget and back-off of all calls.
pub(super) struct Patience {
    budget: Duration,
    waits: AtomicU32,
}

impl Patience {
    pub(super) fn new(budget: Duration) -> Self {
        Self {
            budget,
            waits: AtomicU32::new(0),
        }
    }

    /// When a call that begins now must have ended.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.budget
    }

    /// How long to wait after so many failed attempts: between half and all of what is due.
    ///
    /// Calls that failed together must not come back together. For that they need to be spread, not to be
    /// unpredictable: multiples of the golden ratio fill the interval evenly.
    pub(super) fn pause(&self, failed: u32) -> Duration {
        const GOLDEN: u32 = 0x9E37_79B9;
        let whole = SHORTEST.saturating_mul(1 << failed.min(8)).min(LONGEST);
        let place = self
            .waits
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(GOLDEN);
        let share = f64::from(place) / f64::from(u32::MAX);
        (whole / 2).mul_f64(1.0 + share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_20_to_200_milliseconds_and_are_spread() {
        let patience = Patience::new(Duration::from_secs(4));
        let pauses = |failed| -> Vec<_> { (0..64).map(|_| patience.pause(failed)).collect() };
        let (first, late) = (pauses(0), pauses(20));
        let within = |pauses: &[Duration], from, to| {
            let (from, to) = (Duration::from_millis(from), Duration::from_millis(to));
            pauses.iter().all(|pause| (from..=to).contains(pause))
        };
        assert!(within(&first, 20, 40), "{first:?}");
        assert!(within(&late, 100, 200), "{late:?}");
        let mut apart = late.clone();
        apart.sort_unstable();
        apart.dedup();
        assert_eq!(apart.len(), late.len());
    }
}
