//! Verification is admitted before it is paid for (TENANCY 23): a bucket per app within the node's.
//!
//! Newcomers and live sessions that refresh have lanes of their own, so that garbage tokens cannot cut
//! those who are connected.

use std::collections::HashMap;

use fanline_model::{AppId, Timestamp};
use parking_lot::Mutex;

/// How many signatures may be checked; what is remembered from an earlier check costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerificationRates {
    /// Per app and second, in either lane.
    pub app_per_second: u32,
    /// On the whole node per second, for newcomers.
    pub node_per_second: u32,
    /// How many seconds' worth may come at once.
    pub burst_seconds: u32,
}

/// Who asks for a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// A connection or a request that has proved nothing yet.
    Newcomer,
    /// A live session that brings its next token.
    Refresh,
}

/// The buckets of one node.
#[derive(Debug)]
pub(crate) struct Admission {
    rates: VerificationRates,
    node: Mutex<Option<Bucket>>,
    /// Only apps that the directory knows come here, so strangers cannot grow it.
    apps: Mutex<HashMap<AppId, Lanes>>,
}

#[derive(Debug, Default)]
struct Lanes {
    newcomer: Option<Bucket>,
    refresh: Option<Bucket>,
}

/// A token bucket, in thousandths so that whole milliseconds refill exactly.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    thousandths: u64,
    at: Timestamp,
}

// === impl VerificationRates ===

impl Default for VerificationRates {
    /// A twentieth of a core per app and a fifth of one per node, at 2.2 µs for an HS256 token.
    fn default() -> Self {
        Self {
            app_per_second: 20_000,
            node_per_second: 100_000,
            burst_seconds: 5,
        }
    }
}

// === impl Admission ===

impl Admission {
    pub(crate) fn new(rates: VerificationRates) -> Self {
        Self {
            rates,
            node: Mutex::new(None),
            apps: Mutex::new(HashMap::new()),
        }
    }

    /// Takes one verification out of the buckets, or says that there is none left.
    pub(crate) fn admit(&self, app: &AppId, lane: Lane, now: Timestamp) -> bool {
        let burst = self.rates.burst_seconds;
        {
            let mut apps = self.apps.lock();
            let lanes = apps.entry(app.clone()).or_default();
            let bucket = match lane {
                Lane::Newcomer => &mut lanes.newcomer,
                Lane::Refresh => &mut lanes.refresh,
            };
            if !take(bucket, self.rates.app_per_second, burst, now) {
                return false;
            }
        }
        lane == Lane::Refresh
            || take(
                &mut self.node.lock(),
                self.rates.node_per_second,
                burst,
                now,
            )
    }
}

fn take(bucket: &mut Option<Bucket>, per_second: u32, burst_seconds: u32, now: Timestamp) -> bool {
    let full = u64::from(per_second) * u64::from(burst_seconds) * 1_000;
    let bucket = bucket.get_or_insert(Bucket {
        thousandths: full,
        at: now,
    });
    let elapsed = u64::try_from(now.since(bucket.at).as_millis()).unwrap_or(u64::MAX);
    let refilled = elapsed.saturating_mul(u64::from(per_second));
    bucket.thousandths = bucket.thousandths.saturating_add(refilled).min(full);
    bucket.at = now;
    match bucket.thousandths.checked_sub(1_000) {
        Some(rest) => {
            bucket.thousandths = rest;
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const RATES: VerificationRates = VerificationRates {
        app_per_second: 2,
        node_per_second: 3,
        burst_seconds: 1,
    };

    fn app(name: &str) -> AppId {
        AppId::parse(name).unwrap()
    }

    #[test]
    fn a_bucket_refills_by_the_clock_and_never_beyond_its_burst() {
        let admission = Admission::new(RATES);
        let admitted = |at: u64| {
            let now = Timestamp::from_millis(at);
            (0..10)
                .filter(|_| admission.admit(&app("a"), Lane::Refresh, now))
                .count()
        };
        assert_eq!(
            (
                admitted(0),
                admitted(0),
                admitted(499),
                admitted(500),
                admitted(60_000)
            ),
            (2, 0, 0, 1, 2)
        );
        assert_eq!(admitted(1_000), 0, "a clock that steps back gives nothing");
    }

    #[test]
    fn one_app_cannot_take_what_belongs_to_another_or_to_its_own_sessions() {
        let admission = Admission::new(RATES);
        let now = Timestamp::from_millis(0);
        while admission.admit(&app("a"), Lane::Newcomer, now) {}
        assert!(
            admission.admit(&app("a"), Lane::Refresh, now),
            "the lane of live sessions is its own"
        );
        assert!(admission.admit(&app("b"), Lane::Newcomer, now));
        assert!(
            !admission.admit(&app("b"), Lane::Newcomer, now),
            "the node's bucket is empty"
        );
    }
}
