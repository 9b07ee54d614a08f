//! What a run was: enough to run it again.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::run::Options;
use crate::scenario::Scenario;

const FILE: &str = "run.json";

/// What a run was.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct About {
    /// The scenario.
    pub scenario: String,
    /// What it does.
    pub does: String,
    /// The seed.
    pub seed: u64,
    /// How long traffic ran, beside the fault's own time.
    pub seconds: u64,
    /// How many servers.
    pub nodes: usize,
    /// The server's version.
    pub fanline: String,
    /// Redis's version.
    pub redis: String,
    /// The kernel's version.
    pub kernel: String,
    /// The command that runs it again.
    pub replay: String,
}

// === impl About ===

impl About {
    /// What is about to be run.
    pub fn of(scenario: &dyn Scenario, options: &Options) -> Result<Self> {
        let (name, seed, nodes) = (scenario.name(), options.seed, options.nodes);
        let seconds = options.duration.as_secs();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let version = Command::new(&options.program).arg("version").output();
        let version = version.with_context(|| {
            let program = options.program.display();
            format!("cannot start {program}: `cargo xtask lab` builds it")
        })?;
        let redis = Command::new("redis-server").arg("--version").output();
        let redis = redis.context("redis-server is missing: `apt-get install redis-server`")?;
        Ok(Self {
            scenario: name.to_owned(),
            does: scenario.about().to_owned(),
            seed,
            seconds,
            nodes,
            fanline: first_line(&version.stdout),
            redis: first_line(&redis.stdout),
            kernel: kernel.trim().to_owned(),
            replay: format!(
                "cargo xtask lab {name} --seed {seed} --duration {seconds} --nodes {nodes}"
            ),
        })
    }

    /// Reads what an earlier run wrote.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{} is no directory of a run", directory.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} cannot be read", path.display()))
    }

    /// Writes it beside the logs.
    pub fn write(&self, directory: &Path) -> Result<()> {
        let path = directory.join(FILE);
        fs::write(&path, serde_json::to_string_pretty(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

fn first_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    text.lines().next().unwrap_or_default().trim().to_owned()
}
