//! End to end: a real process, real sockets, nothing of the inside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod apps_file;
mod backlog;
mod bad_input;
mod control_traffic;
mod one_room;
mod one_wall;
mod redis_away;
mod redis_tls;
mod restart;
mod resume;
mod tokens;
mod transcripts;
mod two_nodes;
