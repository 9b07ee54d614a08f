//! The metrics of a node, by their public names.
//!
//! A caller on a hot path takes its handle once (`Counter` and `Gauge` share one atomic number) and adds
//! to it in batches.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64},
    },
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};

use crate::{
    labels::{Build, Line, Outcome, Reason, Request},
    process::Process,
};

/// Upper bounds of the buckets of durations, in seconds: from a local call to a client's patience.
const SECONDS: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// Every metric of a node. Cloning shares it.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Mutex<Registry>,
    families: Families,
}

struct Families {
    connections: Family<Line, Gauge<i64, AtomicI64>>,
    opened: Family<Line, Counter<u64, AtomicU64>>,
    closed: Family<Reason, Counter<u64, AtomicU64>>,
    published: Family<Outcome, Counter<u64, AtomicU64>>,
    subscribed: Family<Outcome, Counter<u64, AtomicU64>>,
    skipped: Family<Reason, Counter<u64, AtomicU64>>,
    refused: Family<Reason, Counter<u64, AtomicU64>>,
    delivered: Counter,
    sent_bytes: Counter,
    requests: Family<Request, Counter<u64, AtomicU64>>,
    request_seconds: Histogram,
    accept_errors: Counter,
}

// === impl Metrics ===

impl Metrics {
    /// The metrics of a node of this version.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process));
        let ours = registry.sub_registry_with_prefix("fanline");
        ours.register("build", "The program", Info::new(Build { version }));
        let families = Families::new();
        families.register(ours);
        Self(Arc::new(Inner {
            registry: Mutex::new(registry),
            families,
        }))
    }

    /// `fanline_connections`: the connections that are open now.
    #[must_use]
    pub fn connections(&self, protocol: &'static str, transport: &'static str) -> Gauge {
        let line = Line {
            protocol,
            transport,
        };
        self.0.families.connections.get_or_create(&line).clone()
    }

    /// `fanline_connections_opened_total`.
    #[must_use]
    pub fn connections_opened(&self, protocol: &'static str, transport: &'static str) -> Counter {
        let line = Line {
            protocol,
            transport,
        };
        self.0.families.opened.get_or_create(&line).clone()
    }

    /// `fanline_connections_closed_total`, by the name of the close reason (`client` if it was the
    /// client's wish or fault of the line).
    #[must_use]
    pub fn connections_closed(&self, reason: &'static str) -> Counter {
        self.0
            .families
            .closed
            .get_or_create(&Reason { reason })
            .clone()
    }

    /// `fanline_messages_published_total`, by outcome: `appended`, `duplicate`, `unchanged`, …
    #[must_use]
    pub fn messages_published(&self, outcome: &'static str) -> Counter {
        self.0
            .families
            .published
            .get_or_create(&Outcome { outcome })
            .clone()
    }

    /// `fanline_messages_delivered_total`: messages handed to a connection's outbox.
    #[must_use]
    pub fn messages_delivered(&self) -> Counter {
        self.0.families.delivered.clone()
    }

    /// `fanline_messages_skipped_total`, by the policy that left them out.
    #[must_use]
    pub fn messages_skipped(&self, reason: &'static str) -> Counter {
        self.0
            .families
            .skipped
            .get_or_create(&Reason { reason })
            .clone()
    }

    /// `fanline_subscriptions_total`, by what became of continuity: `fresh`, `kept`, `forked`, `lost`.
    #[must_use]
    pub fn subscriptions(&self, outcome: &'static str) -> Counter {
        self.0
            .families
            .subscribed
            .get_or_create(&Outcome { outcome })
            .clone()
    }

    /// `fanline_refused_total`: commands and requests that were refused, by error code.
    #[must_use]
    pub fn refused(&self, code: &'static str) -> Counter {
        self.0
            .families
            .refused
            .get_or_create(&Reason { reason: code })
            .clone()
    }

    /// `fanline_sent_bytes_total`: bytes handed to sockets after their handshake.
    #[must_use]
    pub fn sent_bytes(&self) -> Counter {
        self.0.families.sent_bytes.clone()
    }

    /// `fanline_http_requests_total`, by listener and status.
    #[must_use]
    pub fn http_requests(&self, listener: &'static str, status: u16) -> Counter {
        let request = Request { listener, status };
        self.0.families.requests.get_or_create(&request).clone()
    }

    /// `fanline_http_request_seconds`: from the request's header to the answer's header.
    #[must_use]
    pub fn http_request_seconds(&self) -> Histogram {
        self.0.families.request_seconds.clone()
    }

    /// `fanline_accept_errors_total`: connections that the system would not hand over.
    #[must_use]
    pub fn accept_errors(&self) -> Counter {
        self.0.families.accept_errors.clone()
    }

    /// Adds a figure that is counted only when somebody asks, under `fanline_` and this name.
    pub fn on_scrape(
        &self,
        name: &'static str,
        help: &'static str,
        figure: impl Fn() -> i64 + Send + Sync + 'static,
    ) {
        let figure = Box::new(figure);
        let figure = OnScrape { name, help, figure };
        self.registry().register_collector(Box::new(figure));
    }

    /// Everything, in the OpenMetrics text format.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail; a collector of ours neither.
        if text::encode(&mut text, &self.registry()).is_err() {
            tracing::error!("the metrics cannot be written");
        }
        text
    }

    /// The media type of [`encode`](Self::encode).
    pub const MEDIA_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    fn registry(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.0
            .registry
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

// === impl Families ===

impl Families {
    fn new() -> Self {
        Self {
            connections: Family::default(),
            opened: Family::default(),
            closed: Family::default(),
            published: Family::default(),
            subscribed: Family::default(),
            skipped: Family::default(),
            refused: Family::default(),
            delivered: Counter::default(),
            sent_bytes: Counter::default(),
            requests: Family::default(),
            request_seconds: Histogram::new(SECONDS),
            accept_errors: Counter::default(),
        }
    }

    /// The table of names. A counter's `_total` is added by the text format.
    fn register(&self, ours: &mut Registry) {
        ours.register(
            "connections",
            "Connections that are open",
            self.connections.clone(),
        );
        ours.register(
            "connections_opened",
            "Connections that were opened",
            self.opened.clone(),
        );
        ours.register(
            "connections_closed",
            "Connections that ended, by reason",
            self.closed.clone(),
        );
        ours.register(
            "messages_published",
            "Messages that were published, by outcome",
            self.published.clone(),
        );
        ours.register(
            "messages_delivered",
            "Messages handed to connections",
            self.delivered.clone(),
        );
        ours.register(
            "messages_skipped",
            "Messages left out, by policy",
            self.skipped.clone(),
        );
        ours.register(
            "subscriptions",
            "Subscriptions, by what became of continuity",
            self.subscribed.clone(),
        );
        ours.register(
            "refused",
            "Commands and requests that were refused, by error code",
            self.refused.clone(),
        );
        ours.register_with_unit(
            "sent",
            "Bytes handed to sockets after their handshake",
            Unit::Bytes,
            self.sent_bytes.clone(),
        );
        ours.register(
            "http_requests",
            "HTTP requests, by listener and status",
            self.requests.clone(),
        );
        ours.register_with_unit(
            "http_request",
            "From a request's header to its answer's",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        ours.register(
            "accept_errors",
            "Connections that the system would not hand over",
            self.accept_errors.clone(),
        );
    }
}

/// A gauge that is computed when somebody asks.
struct OnScrape {
    name: &'static str,
    help: &'static str,
    figure: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl Collector for OnScrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let gauge = ConstGauge::new((self.figure)());
        let name = format!("fanline_{}", self.name);
        let encoder = encoder.encode_descriptor(&name, self.help, None, gauge.metric_type())?;
        gauge.encode(encoder)
    }
}

impl fmt::Debug for OnScrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_appears_under_its_public_name() {
        let metrics = Metrics::new("1.2.3");
        metrics.connections("stub", "websocket").set(7);
        metrics.connections_opened("stub", "websocket").inc();
        metrics.connections_closed("drain").inc();
        metrics.messages_published("appended").inc_by(3);
        metrics.messages_delivered().inc();
        metrics.messages_skipped("slow").inc();
        metrics.subscriptions("kept").inc();
        metrics.refused("forbidden").inc();
        metrics.sent_bytes().inc_by(128);
        metrics.http_requests("public", 201).inc();
        metrics.http_request_seconds().observe(0.002);
        metrics.accept_errors().inc();
        metrics.on_scrape("channels", "Channels with listeners", || 5);
        let text = metrics.encode();
        for line in [
            r#"fanline_build_info{version="1.2.3"} 1"#,
            r#"fanline_connections{protocol="stub",transport="websocket"} 7"#,
            r#"fanline_connections_opened_total{protocol="stub",transport="websocket"} 1"#,
            r#"fanline_connections_closed_total{reason="drain"} 1"#,
            r#"fanline_messages_published_total{outcome="appended"} 3"#,
            "fanline_messages_delivered_total 1",
            r#"fanline_messages_skipped_total{reason="slow"} 1"#,
            r#"fanline_subscriptions_total{outcome="kept"} 1"#,
            r#"fanline_refused_total{reason="forbidden"} 1"#,
            "fanline_sent_bytes_total 128",
            r#"fanline_http_requests_total{listener="public",status="201"} 1"#,
            r#"fanline_http_request_seconds_bucket{le="0.0025"} 1"#,
            "fanline_accept_errors_total 1",
            "fanline_channels 5",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is missing:\n{text}"
            );
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
