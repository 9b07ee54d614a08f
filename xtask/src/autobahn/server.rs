//! The echo server of `fanline-edge`, built and running.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::{process, repository::Repository};

/// A running echo server; it ends with this value.
#[derive(Debug)]
pub(super) struct EchoServer {
    child: Child,
    url: String,
}

impl EchoServer {
    /// Builds the server, starts it on a port of the system's choice and waits until it serves.
    pub(super) fn start(repository: &Repository) -> Result<Self> {
        // With the workspace's choice of features, all that it needs is built for the tests anyway.
        process::run(
            Command::new("cargo")
                .args(["build", "--locked", "--workspace", "--example", "echo"])
                .current_dir(repository.root()),
        )?;
        let binary = repository.target().join("debug/examples/echo");
        let mut child = Command::new(&binary)
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let stdout = child.stdout.take();
        let mut server = Self {
            child,
            url: String::new(),
        };
        if let Some(stdout) = stdout {
            BufReader::new(stdout).read_line(&mut server.url)?;
        }
        server.url.truncate(server.url.trim_end().len());
        anyhow::ensure!(
            server.url.starts_with("ws://"),
            "the echo server's first line is no address but {:?}",
            server.url
        );
        Ok(server)
    }

    /// Where it echoes.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
