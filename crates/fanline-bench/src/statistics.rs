//! Medians of rounds, and the histogram that latencies are kept in.

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

/// Latencies in microseconds, three digits exact, up to one minute.
#[derive(Debug)]
pub(crate) struct Latencies {
    histogram: Histogram<u64>,
}

impl Latencies {
    pub(crate) fn new() -> Result<Self> {
        let histogram = Histogram::new_with_bounds(1, 60_000_000, 3).context("no histogram")?;
        Ok(Self { histogram })
    }

    /// What lies beyond a minute counts as a minute.
    pub(crate) fn record(&mut self, nanos: u64) {
        self.histogram.saturating_record(nanos / 1_000);
    }

    pub(crate) fn reset(&mut self) {
        self.histogram.reset();
    }

    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        self.histogram.value_at_quantile(quantile) as f64 / 1e3
    }

    pub(crate) fn max_ms(&self) -> f64 {
        self.histogram.max() as f64 / 1e3
    }
}

/// The middle value, or the mean of the two middle ones. Nothing has the median 0.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (None, _) => 0.0,
        (Some(upper), 1) => *upper,
        (Some(upper), _) => f64::midpoint(sorted[middle - 1], *upper),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn one_wild_round_does_not_move_the_median() {
        assert_eq!(median(&[5.0, 900.0, 4.0]), 5.0);
        assert_eq!(median(&[4.0, 5.0, 6.0, 900.0]), 5.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn quantiles_are_told_in_milliseconds() {
        let mut latencies = Latencies::new().unwrap();
        for millis in 1..=100 {
            latencies.record(millis * 1_000_000);
        }
        assert!((latencies.quantile_ms(0.5) - 50.0).abs() < 0.1);
        assert!((latencies.quantile_ms(0.99) - 99.0).abs() < 0.1);
        assert!((latencies.max_ms() - 100.0).abs() < 0.1);
    }

    #[test]
    fn a_latency_beyond_a_minute_is_kept_as_a_minute() {
        let mut latencies = Latencies::new().unwrap();
        latencies.record(u64::MAX);
        assert!(latencies.max_ms() >= 60_000.0);
    }
}
