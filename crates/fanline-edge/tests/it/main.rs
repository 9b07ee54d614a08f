//! What `fanline-edge` promises, one module per subject.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]

mod heap;
mod http;
mod link;
mod ws;
