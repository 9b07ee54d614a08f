//! A `fanline dev` for a suite to talk to, with a data directory of its own.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::{process, repository::Repository};

/// What `fanline dev --output json` says once it serves; only what is used here.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) url: String,
    pub(crate) admin_url: String,
    pub(crate) api_key: String,
    pub(crate) operator_token: String,
}

/// A running server; it ends, and its data goes, with this value.
pub(crate) struct DevServer {
    child: Child,
    data: PathBuf,
    ready: Ready,
}

impl DevServer {
    /// Starts the debug build on ports of the system's choice and waits until it serves.
    pub(crate) fn start(repository: &Repository, name: &str) -> Result<Self> {
        let data = repository.target().join("xtask").join(name);
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        std::fs::create_dir_all(&data)?;
        let mut child = Command::new(repository.server_binary())
            .args(["dev", "--output", "json"])
            .args(["--listen", "127.0.0.1:0"])
            .args(["--admin-listen", "127.0.0.1:0"])
            .args(["--ops-listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server: `cargo build --workspace --bins` makes it")?;

        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let ready = serde_json::from_str(&line);
        if ready.is_err() {
            child.kill().ok();
            child.wait().ok();
        }
        Ok(Self {
            ready: ready.with_context(|| {
                format!("the server's first line is no JSON object but {line:?}")
            })?,
            child,
            data,
        })
    }

    /// Where it listens and what it lets in.
    pub(crate) fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Whether it still runs: a suite must not pass on a server that fell.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for DevServer {
    fn drop(&mut self) {
        process::signal("TERM", &[self.child.id()]);
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.data).ok();
    }
}
