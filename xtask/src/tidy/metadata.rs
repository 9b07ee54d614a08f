//! What `cargo metadata` says of the workspace: packages and their direct dependencies.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::repository::Repository;

/// A member of the workspace.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: String,
    pub(crate) dependencies: Vec<Dependency>,
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// A direct dependency, under its real name even where the manifest renames it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for an ordinary one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

/// Asks cargo, offline: only the workspace's own manifests matter.
pub(crate) fn read(repository: &Repository) -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }

    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(repository.root())
        .output()
        .context("cannot run cargo metadata")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("cannot read cargo metadata's answer")?;
    let root = format!("{}/", repository.root().display());
    Ok(metadata
        .packages
        .into_iter()
        .map(|package| Package {
            manifest_path: package.manifest_path.replace(&root, ""),
            ..package
        })
        .collect())
}

// === impl Package ===

impl Package {
    /// The dependencies that the product itself is built from: neither `dev` nor `build`.
    pub(crate) fn product_dependencies(&self) -> impl Iterator<Item = &str> {
        self.dependencies
            .iter()
            .filter(|dependency| dependency.kind.is_none())
            .map(|dependency| dependency.name.as_str())
    }

    /// A package as a test forges it: `dev:` before a name makes it a development dependency.
    #[cfg(test)]
    pub(crate) fn forged(name: &str, dependencies: &[&str]) -> Self {
        let dependencies = dependencies
            .iter()
            .map(|dependency| match dependency.strip_prefix("dev:") {
                Some(name) => (name, Some("dev".to_owned())),
                None => (*dependency, None),
            })
            .map(|(name, kind)| Dependency {
                name: name.to_owned(),
                kind,
            })
            .collect();
        Self {
            name: name.to_owned(),
            manifest_path: format!("crates/{name}/Cargo.toml"),
            dependencies,
            features: BTreeMap::new(),
        }
    }
}
