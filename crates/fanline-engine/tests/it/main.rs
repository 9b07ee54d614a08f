//! What the engine promises, seen from the other end of the line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod backlog;
mod degraded;
mod guest;
mod interleavings;
mod members;
mod model;
mod races;
mod repeating;
mod waiting;
