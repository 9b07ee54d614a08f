//! End to end: a real process, real sockets, nothing of the inside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod backlog;
mod bad_input;
mod one_room;
mod one_wall;
mod restart;
mod resume;
mod tokens;
mod transcripts;
mod two_nodes;
