//! The suites that drive the built server with unmodified clients in other languages.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use super::{Context, rust::TIME_FACTOR};
use crate::{Outcome, process};

/// pusher-js in two versions, npm's pusher, and a plain WebSocket client, in Node.
pub(super) fn javascript(context: &Context<'_>) -> Result<Outcome> {
    node(context, "node")
}

/// The pages that the server serves, and pusher-js, in Chromium.
pub(super) fn browser(context: &Context<'_>) -> Result<Outcome> {
    node(context, "browser")
}

/// PyPI's pusher and websockets.
pub(super) fn python(context: &Context<'_>) -> Result<Outcome> {
    let folder = context.repository.python();
    let python = context.repository.venv().join("bin/python");
    run(
        context,
        Command::new(python)
            .args(["-m", "pytest", "-p", "no:cacheprovider"])
            .current_dir(folder),
    )
}

/// Runs every `*.test.mjs` in a folder, one after the other: each starts a server of its own.
fn node(context: &Context<'_>, folder: &str) -> Result<Outcome> {
    let root = context.repository.javascript();
    let mut tests: Vec<PathBuf> = std::fs::read_dir(root.join(folder))
        .with_context(|| format!("cannot read {}/{folder}", root.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    tests.sort();
    anyhow::ensure!(
        !tests.is_empty(),
        "{}/{folder} holds no test",
        root.display()
    );
    run(
        context,
        Command::new("node")
            .args(["--test", "--test-concurrency=1"])
            .args(["--test-reporter=spec", "--test-reporter-destination=stdout"])
            .args(tests)
            .current_dir(root),
    )
}

fn run(context: &Context<'_>, command: &mut Command) -> Result<Outcome> {
    process::run(
        command
            .env("FANLINE_BIN", context.repository.server_binary())
            .env("FANLINE_ARTEFACTS", context.repository.artefacts())
            .env(TIME_FACTOR, context.options.time_factor.to_string()),
    )?;
    Ok(Outcome::Passed)
}
