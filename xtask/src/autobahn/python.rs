//! Python 2.7 and the suite in an environment of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

use crate::process;

/// Every package, pinned: nothing new comes for Python 2.7 any more.
const REQUIREMENTS: &str = include_str!("requirements.txt");
/// The last that makes environments for Python 2.7.
const VIRTUALENV: &str = "virtualenv==20.15.1";

/// A Python 2.7 that runs.
#[derive(Debug)]
pub(super) struct Python {
    /// Which of pyenv's versions `python2.7` is to be; `None` if it is one by itself.
    pyenv_version: Option<String>,
}

/// Finds Python 2.7 on the path, or among pyenv's versions.
pub(super) fn find() -> Option<Python> {
    let by_itself = std::iter::once(None);
    by_itself
        .chain(pyenv_versions().into_iter().map(Some))
        .map(|pyenv_version| Python { pyenv_version })
        .find(Python::runs)
}

fn pyenv_versions() -> Vec<String> {
    let listed = Command::new("pyenv").args(["versions", "--bare"]).output();
    let listed = listed.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&listed)
        .lines()
        .map(str::trim)
        .filter(|version| version.starts_with("2.7"))
        .map(str::to_owned)
        .collect()
}

// === impl Python ===

impl Python {
    /// The suite's command, installed below `folder` if it is not there yet.
    pub(super) fn install_suite(&self, folder: &Path) -> Result<PathBuf> {
        let environment = folder.join("environment");
        let command = environment.join("bin/wstest");
        let stamp = environment.join(".installed-from");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == REQUIREMENTS) {
            return Ok(command);
        }
        println!("installing the Autobahn suite into {}", folder.display());
        if environment.exists() {
            fs::remove_dir_all(&environment)?;
        }
        fs::create_dir_all(folder)?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS)?;

        // Beside the environment, so that the user's own Python stays as it is.
        let tools = folder.join("virtualenv");
        let pip = ["-m", "pip", "install", "--quiet", "--upgrade", "--target"];
        process::run(self.command().args(pip).arg(&tools).arg(VIRTUALENV))?;
        process::run(
            self.command()
                .env("PYTHONPATH", &tools)
                .args(["-m", "virtualenv", "--quiet"])
                .arg(&environment),
        )?;
        process::run(
            Command::new(environment.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "-r"])
                .arg(&requirements),
        )?;
        fs::write(&stamp, REQUIREMENTS)
            .with_context(|| format!("cannot write {}", stamp.display()))?;
        Ok(command)
    }

    fn runs(&self) -> bool {
        self.command()
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    fn command(&self) -> Command {
        let mut command = Command::new("python2.7");
        if let Some(version) = &self.pyenv_version {
            command.env("PYENV_VERSION", version);
        }
        command
    }
}
