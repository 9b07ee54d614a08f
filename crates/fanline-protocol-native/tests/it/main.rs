//! What the native protocol promises, without an engine behind it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod catalogue;
mod http;
mod messages;
mod robustness;
mod session;
mod transcript;
mod transcripts;
mod world;

use std::path::{Path, PathBuf};

/// A directory of the repository's `fixtures/`.
fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures")
        .join(name)
}
