//! The admin API as its callers see it: a request goes in, a response comes out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod apps;
mod callers;
mod document;
mod namespaces;
mod nodes;
mod refusals;
mod world;
