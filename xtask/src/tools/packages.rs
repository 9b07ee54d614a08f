//! npm's and PyPI's packages, as their lock files pin them, beside nothing that the user has.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::{process, repository::Repository};

/// `npm ci` where the lock file changed since it last ran.
pub(super) fn npm(repository: &Repository) -> Result<()> {
    let folder = repository.javascript();
    let lock = folder.join("package-lock.json");
    let stamp = folder.join("node_modules/.installed-from");
    unless_current(&lock, &stamp, || {
        println!("installing npm packages into {}", folder.display());
        process::run(
            Command::new("npm")
                .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
                .current_dir(&folder),
        )
    })
}

/// A virtual environment below `target`, made again where the requirements changed.
pub(super) fn pypi(repository: &Repository) -> Result<()> {
    let requirements = repository.python().join("requirements.txt");
    let venv = repository.venv();
    let stamp = venv.join(".installed-from");
    unless_current(&requirements, &stamp, || {
        println!("installing PyPI packages into {}", venv.display());
        process::run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&venv),
        )?;
        process::run(
            Command::new(venv.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--no-deps", "-r"])
                .arg(&requirements),
        )?;
        process::run(Command::new(venv.join("bin/python")).args(["-m", "pip", "check"]))
    })
}

/// The stamp is a copy of the lock that was installed, inside the folder that it describes.
fn unless_current(lock: &Path, stamp: &Path, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let wanted = fs::read(lock).with_context(|| format!("cannot read {}", lock.display()))?;
    if fs::read(stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    install()?;
    fs::write(stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_unchanged_lock_installs_once_and_a_failure_installs_again() {
        let folder = std::env::temp_dir().join(format!("xtask-packages-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (lock, stamp) = (folder.join("lock"), folder.join("stamp"));
        fs::write(&lock, "1").unwrap();
        let mut runs = 0;
        let failing = || anyhow::bail!("no network");
        assert!(unless_current(&lock, &stamp, failing).is_err());
        for _ in 0..2 {
            unless_current(&lock, &stamp, || {
                runs += 1;
                Ok(())
            })
            .unwrap();
        }
        fs::write(&lock, "2").unwrap();
        unless_current(&lock, &stamp, || {
            runs += 1;
            Ok(())
        })
        .unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(runs, 2);
    }
}
