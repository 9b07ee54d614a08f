//! The figures there are, with their names in JSON and in tables.

use serde::{Serialize, Serializer};

/// One kind of figure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Metric {
    /// Its name in JSON, with its unit.
    pub(crate) key: &'static str,
    pub(crate) heading: &'static str,
    pub(crate) decimals: usize,
    /// Whether a table shows its ratio to the first row.
    pub(crate) compared: bool,
}

/// Figures in the order of a table's columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(pub(crate) Vec<(&'static Metric, f64)>);

const fn metric(key: &'static str, heading: &'static str, decimals: usize) -> Metric {
    Metric {
        key,
        heading,
        decimals,
        compared: false,
    }
}

const fn compared(key: &'static str, heading: &'static str, decimals: usize) -> Metric {
    Metric {
        key,
        heading,
        decimals,
        compared: true,
    }
}

// Each delivery, or each connect in a storm.
pub(crate) const SERVER_CPU: Metric = compared("server_cpu_us", "CPU µs", 2);
pub(crate) const SERVER_USER: Metric = metric("server_user_us", "user", 2);
pub(crate) const SERVER_KERNEL: Metric = metric("server_kernel_us", "kernel", 2);
pub(crate) const GENERATOR_CPU: Metric = metric("generator_cpu_us", "generator", 2);
pub(crate) const DELIVERIES: Metric = metric("deliveries", "deliveries", 0);
pub(crate) const DELIVERIES_PER_SECOND: Metric = metric("deliveries_per_s", "deliveries/s", 0);
pub(crate) const PUBLICATIONS: Metric = metric("publications", "publications", 0);
pub(crate) const LATENCY_P50: Metric = metric("latency_p50_ms", "p50 ms", 2);
pub(crate) const LATENCY_P99: Metric = compared("latency_p99_ms", "p99 ms", 2);
pub(crate) const LATENCY_MAX: Metric = metric("latency_max_ms", "max ms", 1);
pub(crate) const PUBLISH_P50: Metric = metric("publish_p50_ms", "publish p50 ms", 2);
pub(crate) const PUBLISH_P99: Metric = metric("publish_p99_ms", "publish p99 ms", 2);
pub(crate) const RESIDENT_EACH: Metric = compared("rss_per_connection_kib", "RSS KiB/conn", 2);
pub(crate) const ANONYMOUS_EACH: Metric =
    metric("anonymous_per_connection_kib", "anonymous KiB/conn", 2);
pub(crate) const RESIDENT_BEFORE: Metric = metric("rss_before_kib", "RSS before KiB", 0);
pub(crate) const RESIDENT_AFTER: Metric = metric("rss_after_kib", "RSS after KiB", 0);
pub(crate) const SUBSCRIBED_AFTER: Metric = compared("all_subscribed_s", "all in s", 3);
// Nodes on Redis.
pub(crate) const RATE: Metric = metric("asked_per_s", "asked/s", 0);
/// Redis's own, each delivery.
pub(crate) const REDIS_CPU: Metric = compared("redis_cpu_us", "Redis µs", 2);
pub(crate) const FRESH: Metric = metric("rss_fresh_mb", "RSS fresh MB", 1);
pub(crate) const CONNECTIONS: Metric = compared("connections_mb", "connections MB", 1);
pub(crate) const SUBSCRIPTIONS: Metric = compared("subscriptions_mb", "subscriptions MB", 1);
pub(crate) const TOGETHER: Metric = compared("together_mb", "together MB", 1);
pub(crate) const BYTES_EACH: Metric = compared("bytes_per_subscription", "B/subscription", 1);
pub(crate) const NODE_CPU_SECONDS: Metric = compared("node_cpu_s", "node CPU s", 2);
pub(crate) const REDIS_CPU_SECONDS: Metric = metric("redis_cpu_s", "Redis CPU s", 2);
pub(crate) const RESUBSCRIBED_AFTER: Metric = compared("resubscribed_s", "all again in s", 3);
/// Within ten seconds, from the cut on and before it.
pub(crate) const CUT_NODE_CPU: Metric = metric("cut_10s_node_cpu_s", "cut, 10 s: node CPU s", 2);
pub(crate) const CUT_REDIS_CPU: Metric = metric("cut_10s_redis_cpu_s", "Redis CPU s", 2);
pub(crate) const QUIET_NODE_CPU: Metric =
    metric("quiet_10s_node_cpu_s", "quiet, 10 s: node CPU s", 2);
pub(crate) const QUIET_REDIS_CPU: Metric = metric("quiet_10s_redis_cpu_s", "Redis CPU s", 2);

impl Figures {
    pub(crate) fn get(&self, metric: &Metric) -> Option<f64> {
        self.0
            .iter()
            .find(|(known, _)| *known == metric)
            .map(|(_, value)| *value)
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(metric, value)| (metric.key, value)))
    }
}
