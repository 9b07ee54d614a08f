//! What `fanline-protocol-pusher` promises, one module per subject. A test whose name begins with `cNNN` is
//! an item of the conformance checklist that the docs (docs/protocol/pusher.md) tell of.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]

mod client_events;
mod connecting;
mod continuity;
mod http;
mod liveness;
mod malformed;
mod messages;
mod private_channels;
mod properties;
mod public_channels;
mod signatures;
mod transcripts;
mod world;
