//! Network namespaces by name, and `ip` within them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, ensure};

const PREFIX: &str = "fanline-";
/// Where `ip netns` keeps them.
const DIRECTORY: &str = "/run/netns";

/// How many this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A network namespace. Dropping it removes its name; it ends with the last process in it.
#[derive(Debug)]
pub(super) struct Namespace(String);

// === impl Namespace ===

impl Namespace {
    /// A new one, with loopback up and nothing else.
    pub(super) fn make() -> Result<Self> {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        run(&["netns", "add", &name])?;
        let namespace = Self(name);
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// `ip` with these words, within it.
    pub(super) fn ip(&self, words: &str) -> Result<()> {
        let mut all = vec!["-n", &self.0];
        all.extend(words.split(' '));
        run(&all).map(drop)
    }

    /// A program that will run in it. The process is the program's own: `ip` replaces itself by it.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).arg(program);
        command
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // Nobody is left to be told; the next network removes it.
        let _ = run(&["netns", "del", &self.0]);
    }
}

/// `ip` with these words, on this machine itself.
pub(super) fn ip(words: &str) -> Result<()> {
    let words: Vec<_> = words.split(' ').collect();
    run(&words).map(drop)
}

/// Every address of this machine, as `ip` prints them.
pub(super) fn addresses() -> Result<String> {
    run(&["-o", "-4", "addr", "show"])
}

/// Removes what processes that are no more have left behind.
pub(super) fn remove_stale() {
    let names = fs::read_dir(DIRECTORY).into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(process, _)| process.parse::<u32>().ok());
        if owner.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
            let _ = run(&["netns", "del", &name]);
        }
    }
}

/// Answers what it printed.
fn run(words: &[&str]) -> Result<String> {
    let output = Command::new("ip")
        .args(words)
        .output()
        .context("`ip` cannot be run: `apt-get install iproute2`")?;
    ensure!(
        output.status.success(),
        "ip {}: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
