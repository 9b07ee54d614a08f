//! The suites that are cargo's own.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::Context;
use crate::{Outcome, process};

/// The variable by which tests learn how far to stretch their long waits.
pub(super) const TIME_FACTOR: &str = "FANLINE_TEST_TIME_FACTOR";

/// Every file is as rustfmt writes it.
pub(super) fn format(context: &Context<'_>) -> Result<Outcome> {
    cargo(
        context,
        &["fmt", "--all", "--", "--check", "--files-with-diff"],
    )
    .context("`cargo fmt --all` cures it")
}

/// No warning anywhere, tests and benchmarks included.
pub(super) fn clippy(context: &Context<'_>) -> Result<Outcome> {
    let arguments = ["clippy", "--locked", "--workspace", "--all-targets", "--"];
    cargo(context, &[&arguments[..], &["-D", "warnings"]].concat())
}

/// All Rust tests. Its output is not held back: the closing lines of each binary are the proof.
pub(super) fn test(context: &Context<'_>) -> Result<Outcome> {
    cargo(context, &["test", "--locked", "--workspace"])
}

/// The end-to-end tests once more, with every server on one Redis Cluster: what they say holds on either
/// broker. `rust` has run them on the embedded one.
///
/// Left out are the tests that start a cluster of their own to break it: `rust` has run them just so. The
/// whole workspace is named for the same reason as below.
pub(super) fn e2e_on_redis(context: &Context<'_>) -> Result<Outcome> {
    const CLUSTER: &str = "with_redis_cluster";
    let build = ["build", "--locked", "--workspace", "--example", CLUSTER];
    cargo(context, &build)?;
    let target = context.repository.target();
    process::run(
        Command::new(target.join("debug/examples").join(CLUSTER))
            .args(["cargo", "test", "--locked", "--workspace", "--test", "e2e"])
            .args(["--", "--skip", "two_nodes::"])
            .env("FANLINE_BIN", context.repository.server_binary())
            .env(TIME_FACTOR, context.options.time_factor.to_string())
            .current_dir(context.repository.root()),
    )?;
    Ok(Outcome::Passed)
}

/// The server, as the tests with real clients start it. The whole workspace's binaries, since the
/// same choice of packages as above finds all dependencies built.
pub(super) fn build(context: &Context<'_>) -> Result<Outcome> {
    cargo(context, &["build", "--locked", "--workspace", "--bins"])
}

fn cargo(context: &Context<'_>, arguments: &[&str]) -> Result<Outcome> {
    process::run(
        Command::new("cargo")
            .args(arguments)
            .env(TIME_FACTOR, context.options.time_factor.to_string())
            .current_dir(context.repository.root()),
    )?;
    Ok(Outcome::Passed)
}
