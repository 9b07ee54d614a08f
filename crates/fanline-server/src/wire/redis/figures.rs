//! What the broker on Redis counts, by its public names.

use std::sync::Arc;

use fanline_broker_redis::{RedisBroker, RedisStats};
use fanline_telemetry::Metrics;

type Read = fn(RedisStats) -> u64;
type Row = (&'static str, &'static str, Read);

const GAUGES: [Row; 2] = [
    (
        "redis_channels_followed",
        "Channels that this node wants to hear",
        |s| s.followed as u64,
    ),
    (
        "redis_channels_subscribed",
        "Of these, how many are subscribed where their slot is served",
        |s| s.subscribed as u64,
    ),
];

const COUNTERS: [Row; 9] = [
    (
        "redis_messages",
        "Messages and changes of members that Redis carried to this node",
        |s| s.messages,
    ),
    (
        "redis_reconnects",
        "Subscriber connections that were opened in place of a lost one",
        |s| s.reconnects,
    ),
    (
        "redis_calls",
        "Calls that were begun: publishes, reads, presence",
        |s| s.calls,
    ),
    (
        "redis_retries",
        "Attempts beyond a call's first: redirections and repetitions",
        |s| s.retries,
    ),
    (
        "redis_calls_unavailable",
        "Calls that were not executed within their budget",
        |s| s.unavailable,
    ),
    (
        "redis_calls_unknown",
        "Calls of which nobody knows whether they were executed",
        |s| s.unknown,
    ),
    (
        "redis_refused_full",
        "Publishes that a full Redis refused",
        |s| s.refused_full,
    ),
    (
        "redis_replication_waits",
        "How often replicas were waited for, once for each batch of publishes",
        |s| s.replication_waits,
    ),
    (
        "redis_replication_shortfalls",
        "Of these, how often too few replicas acknowledged",
        |s| s.replication_shortfalls,
    ),
];

/// Adds what the broker counts to the metrics.
pub(in crate::wire) fn measure(broker: &Arc<RedisBroker>, metrics: &Metrics) {
    let figure = |read: Read| {
        let broker = Arc::downgrade(broker);
        move || broker.upgrade().map_or(0, |broker| read(broker.stats()))
    };
    for (name, help, read) in GAUGES {
        metrics.gauge(name, help, figure(read));
    }
    for (name, help, read) in COUNTERS {
        metrics.counter(name, help, figure(read));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_explained_to_operators() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../docs/operations/redis.md"
        );
        let page = std::fs::read_to_string(path).unwrap();
        let gauges = GAUGES.map(|(name, ..)| format!("| `fanline_{name}` |"));
        let counters = COUNTERS.map(|(name, ..)| format!("| `fanline_{name}_total` |"));
        for row in gauges.iter().chain(&counters) {
            assert!(page.contains(row), "{row} is missing");
        }
    }
}
