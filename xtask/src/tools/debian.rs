//! Programs from Debian's packages, by apt-get as root or through sudo.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};

use super::{Missing, Tool};
use crate::process;

/// Where Debian puts its browser; `FANLINE_CHROMIUM` names another one to the tests.
pub(crate) const CHROMIUM: &str = "/usr/bin/chromium";

/// Installs the packages of those tools that are not there yet.
pub(super) fn install(wanted: &[Tool]) -> Result<Missing> {
    let absent: Vec<Tool> = wanted
        .iter()
        .copied()
        .filter(|tool| !packages(*tool).is_empty() && !present(*tool))
        .collect();
    if absent.is_empty() {
        return Ok(Missing::new());
    }
    let names: Vec<&str> = absent
        .iter()
        .flat_map(|tool| packages(*tool))
        .copied()
        .collect();
    let Some(elevated) = Elevation::find() else {
        let reason = format!("install {} (apt-get install)", names.join(" and "));
        return Ok(absent
            .into_iter()
            .map(|tool| (tool, reason.clone()))
            .collect());
    };

    println!("installing Debian packages: {}", names.join(" "));
    process::run(elevated.command("apt-get").args(["update", "-qq"]))?;
    process::run(
        elevated
            .command("apt-get")
            .args(["install", "--yes", "-qq", "--no-install-recommends"])
            .args(&names),
    )?;
    for tool in absent {
        anyhow::ensure!(
            present(tool),
            "{} installed, yet {tool:?} is not usable",
            packages(tool).join(" ")
        );
    }
    Ok(Missing::new())
}

fn packages(tool: Tool) -> &'static [&'static str] {
    match tool {
        Tool::Curl => &["curl"],
        Tool::Node => &["nodejs", "npm"],
        Tool::Python => &["python3", "python3-venv"],
        // A page without fonts is a screenshot without words.
        Tool::Chromium => &["chromium", "fonts-dejavu-core"],
        Tool::Redis => &["redis-server", "libfaketime"],
        Tool::RustComponents | Tool::NpmPackages | Tool::PythonPackages => &[],
    }
}

fn present(tool: Tool) -> bool {
    match tool {
        Tool::Curl => process::answers("curl", &["--version"]),
        Tool::Node => {
            process::answers("npm", &["--version"])
                && process::answers(
                    "node",
                    &[
                        "-e",
                        "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)",
                    ],
                )
        }
        Tool::Python => process::answers("python3", &["-c", "import ensurepip, venv"]),
        Tool::Chromium => {
            std::env::var_os("FANLINE_CHROMIUM").is_some() || Path::new(CHROMIUM).exists()
        }
        Tool::Redis => process::answers("redis-server", &["--version"]) && has_libfaketime(),
        Tool::RustComponents | Tool::NpmPackages | Tool::PythonPackages => true,
    }
}

/// Where fanline-testkit looks for it: `/usr/lib/<architecture>/faketime`.
fn has_libfaketime() -> bool {
    std::fs::read_dir("/usr/lib").is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.path().join("faketime/libfaketimeMT.so.1").exists())
    })
}

/// How this user becomes root, who alone installs Debian packages.
enum Elevation {
    Root,
    Sudo,
}

impl Elevation {
    /// None where there is no apt-get, or no way to root that asks no password.
    fn find() -> Option<Self> {
        if !process::answers("apt-get", &["--version"]) {
            return None;
        }
        if user_id().is_ok_and(|id| id == 0) {
            return Some(Self::Root);
        }
        process::answers("sudo", &["-n", "true"]).then_some(Self::Sudo)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = match self {
            Self::Root => Command::new("env"),
            Self::Sudo => {
                let mut sudo = Command::new("sudo");
                sudo.args(["-n", "env"]);
                sudo
            }
        };
        command.args(["DEBIAN_FRONTEND=noninteractive", program]);
        command
    }
}

fn user_id() -> Result<u32> {
    let output = Command::new("id").arg("-u").output()?;
    String::from_utf8(output.stdout)?
        .trim()
        .parse()
        .context("id -u gave no number")
}
