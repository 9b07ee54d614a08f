//! Runs the Autobahn WebSocket test suite against the echo server, which is our frame code and
//! nothing else.
//!
//! The suite exists for Python 2.7 only. Where there is none, it is skipped and counted as such.

mod python;
mod report;
mod server;

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde_json::json;

use self::{report::Report, server::EchoServer};
use crate::{Outcome, repository::Repository};

/// Framing, pings, reserved bits, opcodes, fragments, UTF-8, closing, and one large message.
const GROUPS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "10"];
/// Messages of up to 16 MiB, which take minutes.
const LONG_GROUPS: &[&str] = &["9"];
/// The name under which the suite reports on us.
const AGENT: &str = "fanline";

/// Runs groups 1–7 and 10, and 9 as well with `all`. Groups 12 and 13 test compression, which is
/// declined in the handshake.
pub(crate) fn run(all: bool, require: bool) -> Result<Outcome> {
    let repository = Repository::find()?;
    let Some(python) = python::find() else {
        let reason = "the Autobahn suite needs Python 2.7; install it (`pyenv install 2.7.18` \
                      will do)";
        anyhow::ensure!(!require, reason);
        return Ok(Outcome::Skipped(reason.to_owned()));
    };
    let folder = repository.target().join("autobahn");
    let suite = python.install_suite(&folder)?;
    let groups = [GROUPS, if all { LONG_GROUPS } else { &[] }].concat();

    let mut server = EchoServer::start(&repository)?;
    let report = run_suite(&suite, &folder, server.url(), &groups)?;
    anyhow::ensure!(server.is_alive(), "the echo server did not survive");

    println!("{report}");
    println!("groups 12 and 13: declined until compression comes");
    if !all {
        println!("group 9: with --all");
    }
    report.check(&groups)?;
    Ok(Outcome::Passed)
}

/// Runs the suite as a client that tries everything; its words go to a file beside the reports.
fn run_suite(suite: &Path, folder: &Path, url: &str, groups: &[&str]) -> Result<Report> {
    let reports = folder.join("reports");
    if reports.exists() {
        fs::remove_dir_all(&reports)?;
    }
    let cases: Vec<_> = groups.iter().map(|group| format!("{group}.*")).collect();
    let specification = json!({
        "outdir": reports,
        "servers": [{ "agent": AGENT, "url": url }],
        "cases": cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    let specification_file = folder.join("fuzzingclient.json");
    fs::write(&specification_file, specification.to_string())?;
    let log = folder.join("wstest.log");
    println!("running groups {} against {url}", groups.join(", "));
    let output = File::create(&log)?;
    let status = Command::new(suite)
        .args(["--mode", "fuzzingclient", "--spec"])
        .arg(&specification_file)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()
        .with_context(|| format!("cannot start {}", suite.display()))?;
    anyhow::ensure!(
        status.success(),
        "the suite ended with {status}; see {}",
        log.display()
    );
    Report::read(&reports, AGENT).with_context(|| format!("see {}", log.display()))
}
