//! Token buckets on the engine's coarse clock.

use std::time::Duration;

use parking_lot::Mutex;

/// Lets `rate` things a second pass, with a burst.
#[derive(Debug)]
pub(crate) struct Bucket(Mutex<Level>);

#[derive(Debug)]
struct Level {
    /// Tokens, in thousandths.
    tokens: u64,
    filled_at: u64,
}

impl Bucket {
    /// A bucket that begins full.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Level {
            tokens: u64::MAX,
            filled_at: 0,
        }))
    }

    /// Takes `count` tokens, or says how long to wait for them. `now` in milliseconds.
    pub(crate) fn take(&self, count: u32, rate: u32, burst: u32, now: u64) -> Result<(), Duration> {
        let mut level = self.0.lock();
        let (rate, cost) = (u64::from(rate).max(1), u64::from(count) * 1000);
        let gained = now.saturating_sub(level.filled_at).saturating_mul(rate);
        // One call may cost more than a burst; it passes a full bucket and empties it.
        let full = u64::from(burst) * 1000;
        level.tokens = level.tokens.saturating_add(gained).min(full);
        level.filled_at = level.filled_at.max(now);
        let needed = cost.min(full);
        if level.tokens >= needed {
            level.tokens -= needed;
            Ok(())
        } else {
            Err(Duration::from_millis(
                (needed - level.tokens).div_ceil(rate),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let bucket = Bucket::new();
        for _ in 0..10 {
            assert_eq!(bucket.take(1, 10, 10, 0), Ok(()));
        }
        assert_eq!(bucket.take(1, 10, 10, 0), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(1, 10, 10, 100), Ok(()));
        assert_eq!(bucket.take(10, 10, 10, 5_000), Ok(()));
        assert!(bucket.take(1, 10, 10, 5_000).is_err());
    }

    #[test]
    fn a_call_larger_than_the_burst_passes_a_full_bucket() {
        let bucket = Bucket::new();
        assert_eq!(bucket.take(50, 10, 10, 0), Ok(()));
        assert!(bucket.take(1, 10, 10, 0).is_err());
    }
}
