//! What the tests need beside Rust, and how it is had: Debian packages, npm packages, PyPI packages.

mod debian;
mod packages;
mod rustup;

use std::collections::BTreeMap;

use anyhow::Result;

use crate::repository::Repository;

/// Something that a suite needs and that may be missing from a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tool {
    /// rustfmt and clippy, which a minimal toolchain lacks.
    RustComponents,
    /// The client that everybody tries first.
    Curl,
    /// Node.js 18.19 or newer (that of Debian 12), with npm.
    Node,
    /// Python 3 that can make virtual environments.
    Python,
    /// A browser without a window.
    Chromium,
    /// The server that tests start for themselves, and the library that moves its clock.
    Redis,
    /// The packages that `tests/clients/javascript/package-lock.json` pins.
    NpmPackages,
    /// The packages that `tests/clients/python/requirements.txt` pins.
    PythonPackages,
}

/// The tools that could not be had, each with the reason and what to do.
pub(crate) type Missing = BTreeMap<Tool, String>;

/// Installs what is missing of `wanted`, and says so. What this user may not install is in the
/// answer; an installation that was tried and failed is an error.
pub(crate) fn prepare(repository: &Repository, wanted: &[Tool]) -> Result<Missing> {
    let mut missing = debian::install(wanted)?;
    if wanted.contains(&Tool::RustComponents) {
        missing.extend(rustup::install()?);
    }
    for (tool, base) in [
        (Tool::NpmPackages, Tool::Node),
        (Tool::PythonPackages, Tool::Python),
    ] {
        if !wanted.contains(&tool) {
            continue;
        }
        if let Some(reason) = missing.get(&base).cloned() {
            missing.insert(tool, reason);
            continue;
        }
        match tool {
            Tool::NpmPackages => packages::npm(repository)?,
            _ => packages::pypi(repository)?,
        }
    }
    Ok(missing)
}
