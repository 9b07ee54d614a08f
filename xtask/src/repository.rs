//! Where things are in the checkout.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The checkout that this command was built from, and the folders it writes to.
#[derive(Clone, Debug)]
pub(crate) struct Repository {
    root: PathBuf,
    target: PathBuf,
}

impl Repository {
    /// Found from this crate's own place, so that the command works from any folder below.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("xtask lies at the root of the file system")?
            .to_owned();
        anyhow::ensure!(
            root.join("Cargo.lock").is_file(),
            "{} is no checkout of Fanline: run `cargo xtask` inside it",
            root.display()
        );
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |target| root.join(target));
        Ok(Self { root, target })
    }

    /// The folder that holds the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's folder for what it builds; what this command makes lies there too.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The server, as the client tests start it.
    pub(crate) fn server_binary(&self) -> PathBuf {
        self.target.join("debug").join("fanline")
    }

    /// The tests with JavaScript clients.
    pub(crate) fn javascript(&self) -> PathBuf {
        self.root.join("tests/clients/javascript")
    }

    /// The tests with Python clients.
    pub(crate) fn python(&self) -> PathBuf {
        self.root.join("tests/clients/python")
    }

    /// The virtual environment that holds the PyPI packages.
    pub(crate) fn venv(&self) -> PathBuf {
        self.target.join("venv")
    }

    /// What a person may want to look at after a run: screenshots, reports.
    pub(crate) fn artefacts(&self) -> PathBuf {
        self.root.join("artefacts")
    }
}
