//! A server as a child process, which never outlives its measurement.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::clock::{Clock, pause};

const START_BUDGET: Duration = Duration::from_secs(30);
const STOP_BUDGET: Duration = Duration::from_secs(20);

/// Killed when dropped.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    name: String,
    /// What it writes to, kept until it has ended.
    files: Option<TempDir>,
}

/// An address for a program that takes a port and cannot choose one itself. Somebody may take this one in
/// between; then the program ends and says so.
pub(super) fn free_address() -> Result<SocketAddr> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).context("opening a socket")?;
    socket
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .context("choosing a port")?;
    socket
        .local_addr()?
        .as_socket()
        .context("a port without an address")
}

impl ServerProcess {
    /// Starts it; `flag` is what a person changes when the program is not there.
    pub(crate) fn start(mut command: Command, flag: &str) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::null());
        let child = command
            .spawn()
            .with_context(|| format!("starting {name} (its path is given by {flag})"))?;
        Ok(Self {
            child,
            name,
            files: None,
        })
    }

    /// Lets a directory live as long as the process.
    pub(crate) fn keeping(mut self, files: TempDir) -> Self {
        self.files = Some(files);
        self
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line it prints; empty if it ended before. The rest of its output is read by
    /// nobody, which is why it may print one line only.
    pub(crate) fn first_line(&mut self) -> Result<String> {
        let stdout = self
            .child
            .stdout
            .take()
            .context("its output is not piped")?;
        let (sender, receiver) = mpsc::channel();
        // A thread, because a pipe cannot be read with a time limit; it ends with the process.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line).map(|_| line);
            // Nobody listens any more if the budget is spent.
            let _ = sender.send(read);
        });
        let Ok(read) = receiver.recv_timeout(START_BUDGET) else {
            bail!("{} printed no line within {START_BUDGET:?}", self.name);
        };
        read.context("reading its output")
    }

    pub(crate) fn require_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{} ended: {status}", self.name),
            None => Ok(()),
        }
    }

    /// SIGTERM, then patience, then SIGKILL. Answers what it wrote to.
    pub(crate) fn stop(mut self) -> Result<Option<TempDir>> {
        self.require_alive()?;
        let id = self.child.id().to_string();
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .context("running kill")?;
        let clock = Clock::start();
        while self.child.try_wait()?.is_none() {
            if clock.elapsed() > STOP_BUDGET {
                bail!(
                    "{} did not stop within {STOP_BUDGET:?} of SIGTERM",
                    self.name
                );
            }
            pause(Duration::from_millis(5));
        }
        Ok(self.files.take())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
