//! The label sets of the metrics. Their values come from fixed tables, never from a client.

use prometheus_client::encoding::EncodeLabelSet;

/// Connections.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Line {
    pub(crate) protocol: &'static str,
    pub(crate) transport: &'static str,
}

/// HTTP requests.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Request {
    pub(crate) listener: &'static str,
    pub(crate) status: u16,
}

/// A build of the program.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct Build {
    pub(crate) version: &'static str,
}
