//! Fanline as `fanline dev` starts it, on ports of its choice: everything in one process, or nodes on one Redis.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use tempfile::TempDir;

use super::Programs;
use super::process::ServerProcess;

/// The data directory, within the directory of a process.
const DATA: &str = "data";

/// The line it prints once it serves.
#[derive(Debug, Deserialize)]
pub(crate) struct Greeting {
    url: String,
    pub(crate) api_key: String,
    pub(crate) pusher: PusherCredentials,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PusherCredentials {
    pub(crate) app_id: String,
    pub(crate) key: String,
    pub(crate) secret: String,
}

/// Starts it in a fresh data directory and waits until it serves.
pub(crate) fn start(
    programs: &Programs,
    redis: Option<SocketAddr>,
) -> Result<(ServerProcess, Greeting)> {
    start_in(directory()?, programs, redis)
}

/// Starts so many nodes on one Redis, all with the same apps: each has a copy of the data directory that the
/// first one made.
pub(crate) fn start_nodes(
    programs: &Programs,
    redis: SocketAddr,
    count: usize,
) -> Result<Vec<(ServerProcess, Greeting)>> {
    let (first, _) = start(programs, Some(redis))?;
    let original = first.stop()?.context("the first node kept no files")?;
    let directories: Vec<_> = (1..count)
        .map(|_| {
            let copy = directory()?;
            copy_files(&original.path().join(DATA), &copy.path().join(DATA))?;
            Ok(copy)
        })
        .collect::<Result<_>>()?;
    std::iter::once(original)
        .chain(directories)
        .map(|directory| start_in(directory, programs, Some(redis)))
        .collect()
}

fn directory() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("fanline-bench-")
        .tempdir()
        .context("making a data directory")
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).context("making a data directory")?;
    for entry in fs::read_dir(from).with_context(|| format!("reading {}", from.display()))? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))
            .with_context(|| format!("copying {}", entry.path().display()))?;
    }
    Ok(())
}

fn start_in(
    files: TempDir,
    programs: &Programs,
    redis: Option<SocketAddr>,
) -> Result<(ServerProcess, Greeting)> {
    let log = files.path().join("fanline-bench.log");
    let mut command = Command::new(&programs.fanline);
    command
        .args(["dev", "--output", "json"])
        .args(["--listen", "127.0.0.1:0"])
        .args(["--admin-listen", "127.0.0.1:0"])
        .args(["--ops-listen", "127.0.0.1:0"])
        .arg("--data-dir")
        .arg(files.path().join(DATA))
        .args(&programs.fanline_arguments)
        .stdout(Stdio::piped())
        .stderr(File::create(&log).context("making a log file")?);
    if let Some(redis) = redis {
        command
            .env("FANLINE_BROKER_KIND", "redis")
            .env("FANLINE_REDIS_NODES", redis.to_string());
    }
    let mut running = ServerProcess::start(command, "--fanline-bin")?;
    let line = running.first_line()?;
    if line.is_empty() {
        bail!(
            "{} printed nothing: {}",
            programs.fanline.display(),
            last_words(&log)
        );
    }
    let greeting =
        serde_json::from_str(&line).context("its first line is not the JSON expected")?;
    Ok((running.keeping(files), greeting))
}

impl Greeting {
    /// Where it serves; plain HTTP on an address, never a name.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.url
            .strip_prefix("http://")
            .and_then(|rest| rest.split('/').next())
            .and_then(|address| address.parse().ok())
            .with_context(|| format!("{} is not http://ADDRESS:PORT", self.url))
    }
}

fn last_words(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_greeting_says_where_and_with_what() {
        let line = r#"{"url":"http://127.0.0.1:40123","admin_url":"http://127.0.0.1:1","ops_url":"x",
            "tenant_id":"t","app_id":"a","api_key":"fl_1_2","signing_key":{"kid":"k","secret":"s"},
            "pusher":{"app_id":"3","key":"key","secret":"secret"},"operator_token":"o","data_dir":"d"}"#;
        let greeting: Greeting = serde_json::from_str(line).unwrap();
        assert_eq!(
            greeting.address().unwrap(),
            SocketAddr::from(([127, 0, 0, 1], 40_123))
        );
        assert_eq!(greeting.pusher.app_id, "3");
    }

    #[test]
    fn a_url_with_a_path_still_has_its_address() {
        let pusher = PusherCredentials {
            app_id: String::new(),
            key: String::new(),
            secret: String::new(),
        };
        let greeting = |url: &str| Greeting {
            url: url.to_owned(),
            api_key: String::new(),
            pusher: pusher.clone(),
        };
        assert!(greeting("http://127.0.0.1:9/").address().is_ok());
        assert!(greeting("https://127.0.0.1:9").address().is_err());
    }
}
