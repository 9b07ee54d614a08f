//! What a figure must not exceed.

use serde::Serialize;

use super::metric::{Figures, Metric};
use super::table;

/// A figure and its bound. It is told and fails no run: a busy machine is no fault of the server.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Bound {
    #[serde(serialize_with = "key")]
    pub(crate) metric: &'static Metric,
    pub(crate) at_most: f64,
}

impl Bound {
    pub(crate) const fn new(metric: &'static Metric, at_most: f64) -> Self {
        Self { metric, at_most }
    }

    /// Whether these figures keep it; nothing if they do not say.
    pub(crate) fn is_kept(&self, figures: &Figures) -> Option<bool> {
        figures.get(self.metric).map(|value| value <= self.at_most)
    }

    /// For people.
    pub(super) fn line(&self, figures: &Figures) -> Option<String> {
        let word = if self.is_kept(figures)? {
            "kept"
        } else {
            "MISSED"
        };
        let number = |value| table::number(value, self.metric.decimals);
        let value = number(figures.get(self.metric)?);
        let (heading, at_most) = (self.metric.heading, number(self.at_most));
        Some(format!("{heading}: {value}, at most {at_most}: {word}"))
    }
}

fn key<S: serde::Serializer>(metric: &&'static Metric, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(metric.key)
}

#[cfg(test)]
mod tests {
    use super::super::metric::LATENCY_P99;
    use super::*;

    #[test]
    fn exactly_the_bound_is_kept_and_more_is_missed() {
        let bound = Bound::new(&LATENCY_P99, 46.0);
        let line = |value| bound.line(&Figures(vec![(&LATENCY_P99, value)]));
        assert_eq!(
            line(46.0).as_deref(),
            Some("p99 ms: 46.00, at most 46.00: kept")
        );
        assert_eq!(
            line(46.01).as_deref(),
            Some("p99 ms: 46.01, at most 46.00: MISSED")
        );
        assert_eq!(bound.line(&Figures::default()), None);
    }
}
