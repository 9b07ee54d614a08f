//! What an operator sees of a node: its log, its metrics, its health.
//!
//! A leaf: it names nothing of the house, and everything above may use it. Metric names are public and
//! stand here once, in [`Metrics`]; a label is never a channel, a user or anything else that a client
//! chooses. No secret goes through here.

mod health;
mod labels;
mod log;
mod metrics;
mod process;

pub use health::{Health, State};
pub use log::{InvalidFilter, LogFormat, init_log};
pub use metrics::Metrics;
pub use prometheus_client::metrics::{counter::Counter, histogram::Histogram};
