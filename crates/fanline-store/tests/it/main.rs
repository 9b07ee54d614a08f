//! The store on a real file in a directory of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod apps;
mod bootstrapping;
mod directory;
mod files;
mod namespaces;
mod world;
