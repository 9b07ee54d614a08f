//! The metrics of a node, by their public names.
//!
//! What the engine counts it counts itself, on its hot path and in its own way; it is asked when somebody
//! reads the metrics.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};

use crate::{
    labels::{Build, Line, Request},
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
    opened: Family<Line, Counter<u64, AtomicU64>>,
    requests: Family<Request, Counter<u64, AtomicU64>>,
    request_seconds: Histogram,
    accept_errors: Counter,
}

/// A number that somebody else counts: it is asked for when the metrics are.
type Figure = Box<dyn Fn() -> u64 + Send + Sync>;

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

    /// `fanline_connections_opened_total`: connections handed to the engine.
    #[must_use]
    pub fn connections_opened(&self, protocol: &'static str, transport: &'static str) -> Counter {
        let line = Line {
            protocol,
            transport,
        };
        self.0.families.opened.get_or_create(&line).clone()
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

    /// Adds a gauge, `fanline_` and this name, whose figure is asked for when the metrics are.
    pub fn gauge(
        &self,
        name: &'static str,
        help: &'static str,
        figure: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.collect(OnScrape::Gauge(name, help, Box::new(figure)));
    }

    /// Adds a counter in the same way; the text format adds `_total` to its name.
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        figure: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        self.collect(OnScrape::Counter(name, help, Box::new(figure)));
    }

    fn collect(&self, figure: OnScrape) {
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
            opened: Family::default(),
            requests: Family::default(),
            request_seconds: Histogram::new(SECONDS),
            accept_errors: Counter::default(),
        }
    }

    /// The table of names. A counter's `_total` is added by the text format.
    fn register(&self, ours: &mut Registry) {
        ours.register(
            "connections_opened",
            "Connections handed to the engine",
            self.opened.clone(),
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

/// A metric that is computed when somebody asks.
enum OnScrape {
    Gauge(&'static str, &'static str, Figure),
    Counter(&'static str, &'static str, Figure),
}

impl Collector for OnScrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        match self {
            Self::Gauge(name, help, figure) => {
                let gauge = ConstGauge::new(i64::try_from(figure()).unwrap_or(i64::MAX));
                let name = format!("fanline_{name}");
                gauge.encode(encoder.encode_descriptor(&name, help, None, gauge.metric_type())?)
            }
            Self::Counter(name, help, figure) => {
                let counter = ConstCounter::new(figure());
                let name = format!("fanline_{name}");
                counter.encode(encoder.encode_descriptor(
                    &name,
                    help,
                    None,
                    counter.metric_type(),
                )?)
            }
        }
    }
}

impl fmt::Debug for OnScrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Gauge(name, ..) | Self::Counter(name, ..)) = self;
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_appears_under_its_public_name() {
        let metrics = Metrics::new("1.2.3");
        metrics.connections_opened("stub", "websocket").inc();
        metrics.http_requests("public", 201).inc();
        metrics.http_request_seconds().observe(0.002);
        metrics.accept_errors().inc();
        metrics.gauge("sessions", "Sessions", || 5);
        metrics.counter("frames", "Frames", || 7);
        let text = metrics.encode();
        for line in [
            r#"fanline_build_info{version="1.2.3"} 1"#,
            r#"fanline_connections_opened_total{protocol="stub",transport="websocket"} 1"#,
            r#"fanline_http_requests_total{listener="public",status="201"} 1"#,
            r#"fanline_http_request_seconds_bucket{le="0.0025"} 1"#,
            "fanline_accept_errors_total 1",
            "fanline_sessions 5",
            "fanline_frames_total 7",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is missing:\n{text}"
            );
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
