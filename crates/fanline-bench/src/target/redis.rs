//! A Redis of a measurement's own, which keeps nothing on disk.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::process::{self, ServerProcess};
use crate::clock::{Clock, pause};
use crate::proc::Process;

const START_BUDGET: Duration = Duration::from_secs(10);
const ANSWER_BUDGET: Duration = Duration::from_secs(5);

/// Runs until this is dropped.
#[derive(Debug)]
pub(crate) struct RedisProcess {
    running: ServerProcess,
    address: SocketAddr,
}

impl RedisProcess {
    /// Starts it on a port of its own and waits until it answers.
    pub(crate) fn start(program: &Path) -> Result<Self> {
        let address = process::free_address()?;
        let mut command = Command::new(program);
        command
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no"])
            // Where it must refuse rather than forget, as a node demands.
            .args(["--maxmemory-policy", "noeviction"])
            .stdout(Stdio::null());
        let mut redis = Self {
            running: ServerProcess::start(command, "--redis-bin")?,
            address,
        };
        let clock = Clock::start();
        while redis.ask("PING").is_err() {
            redis.running.require_alive()?;
            if clock.elapsed() > START_BUDGET {
                bail!("redis-server did not answer on {address} within {START_BUDGET:?}");
            }
            pause(Duration::from_millis(10));
        }
        Ok(redis)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its side of `/proc`.
    pub(crate) fn process(&self) -> Process {
        Process::with_id(self.running.id())
    }

    /// Stops it and says if it went badly.
    pub(crate) fn stop(self) -> Result<()> {
        self.running.stop().map(drop)
    }

    /// One command in words without spaces, on a connection of its own, and the answer's first bytes as they come.
    pub(crate) fn ask(&self, command: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address).context("connecting to Redis")?;
        stream.set_read_timeout(Some(ANSWER_BUDGET))?;
        // The protocol's inline form: what a person types into a plain connection.
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut answer = [0; 4_096];
        let length = stream.read(&mut answer).context("reading Redis's answer")?;
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        if answer.is_empty() || answer.starts_with('-') {
            bail!("Redis answered {command} with {answer:?}");
        }
        Ok(answer)
    }
}
