//! Runs a command beside a Redis Cluster of its own: six servers on free ports of 127.0.0.1, gone with
//! the command.
//!
//! ```sh
//! cargo run -p fanline-testkit --example with_redis_cluster -- target/debug/fanline dev
//! ```
//!
//! The command finds the cluster in its environment, where Fanline reads it too (`FANLINE_BROKER_KIND`,
//! `FANLINE_REDIS_NODES`). It ends with the command's status. The cluster must never outlive it: a signal
//! is not obeyed before the command has ended and the servers with it.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitCode, ExitStatus};

use anyhow::{Context as _, Result};
use fanline_testkit::redis::RedisCluster;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{Signal as Signals, SignalKind};

/// What a shell answers for a command that a signal ended, less the signal.
const ENDED_BY_SIGNAL: i32 = 128;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut words = env::args_os().skip(1);
    let program = words
        .next()
        .context("name the command to run behind `--`")?;
    // Heard from here on: what comes while the servers start must not leave them behind.
    let mut heard = Heard::new()?;
    let cluster = tokio::select! {
        cluster = RedisCluster::start() => cluster?,
        () = heard.any() => return Ok(ExitCode::FAILURE),
    };
    let child = start(&program, words, &cluster)?;
    let status = until_ended(child, heard).await?;
    drop(cluster);
    Ok(exit_code(status))
}

fn start(
    program: &OsString,
    arguments: impl Iterator<Item = OsString>,
    cluster: &RedisCluster,
) -> Result<Child> {
    Command::new(program)
        .args(arguments)
        .env("FANLINE_BROKER_KIND", "redis")
        .env("FANLINE_REDIS_NODES", cluster.addresses().join(","))
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

/// Waits for the command's own end. A request to end is handed on; Ctrl-C reaches the command by itself,
/// since the terminal sends it to both.
async fn until_ended(mut child: Child, mut heard: Heard) -> Result<ExitStatus> {
    let process = Pid::from_child(&child);
    let mut end = tokio::task::spawn_blocking(move || child.wait());
    loop {
        tokio::select! {
            status = &mut end => return Ok(status??),
            _ = heard.interrupt.recv() => {}
            _ = heard.terminate.recv() => {
                // It may have ended meanwhile.
                kill_process(process, Signal::TERM).ok();
            }
        }
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let by_signal = || status.signal().map(|signal| ENDED_BY_SIGNAL + signal);
    let code = status.code().or_else(by_signal);
    code.and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The signals that would end this process at once if nobody heard them.
struct Heard {
    interrupt: Signals,
    terminate: Signals,
}

// === impl Heard ===

impl Heard {
    #[expect(
        clippy::disallowed_methods,
        reason = "a program of its own, which must not leave servers behind"
    )]
    fn new() -> Result<Self> {
        use tokio::signal::unix::signal;
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
