//! One server: its directory, its port, its process.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, InfoDict};
use tempfile::TempDir;

use super::clock::{self, MovableClock};
use super::process::Process;
use super::{connection, log, ports, wait};
use crate::network::Host;

/// The program, and the Debian package of the same name.
const PROGRAM: &str = "redis-server";
const LOG: &str = "log";

/// How often another process may be quicker to take the port.
const PORT_TRIES: usize = 10;

/// Where it listens in a host of its own, where no port is taken.
const USUAL_PORTS: Ports = Ports {
    clients: 6_379,
    cluster: Some(16_379),
};

/// What every server is told. It keeps nothing on disk, and refuses rather than evicts when it is full.
const SETTINGS: &[(&str, &str)] = &[
    ("save", ""),
    ("appendonly", "no"),
    ("maxmemory-policy", "noeviction"),
    ("always-show-logo", "no"),
];

/// A Redis server that lives as long as this value.
#[derive(Debug)]
pub struct RedisServer {
    launch: Launch,
    ports: Ports,
    /// None while it is killed. Before the directory, so that it is dropped first.
    process: Mutex<Option<Process>>,
    directory: TempDir,
}

/// How a server differs from a plain one.
#[derive(Debug, Default)]
pub(super) struct Launch {
    /// Beyond [`SETTINGS`].
    pub(super) settings: Vec<(&'static str, &'static str)>,
    /// Where it runs, if not on this machine's loopback.
    pub(super) host: Option<Arc<Host>>,
    /// Whether it is a member of a cluster, which needs a port for the others.
    pub(super) in_cluster: bool,
    /// Beyond our own environment.
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// Files outside of its directory that this process id would leave behind.
    pub(super) residue: Option<fn(u32) -> [PathBuf; 2]>,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    clients: u16,
    cluster: Option<u16>,
}

/// How a start went.
enum Start {
    Answers,
    Ended(ExitStatus),
}

// === impl RedisServer ===

impl RedisServer {
    /// Starts a plain server and waits until it answers.
    pub async fn start() -> Result<Self> {
        Self::launch(directory()?, Launch::default()).await
    }

    /// Starts a server whose wall clock a test can move. Everything else about it is as usual.
    pub async fn with_movable_clock() -> Result<(Self, MovableClock)> {
        let directory = directory()?;
        let (clock, launch) = clock::prepare(directory.path())?;
        let server = Self::launch(directory, launch).await?;
        let clock = clock.of(server.address());
        Ok((server, clock))
    }

    /// Starts a server in a host of a network, where its link can be cut.
    pub async fn start_in(host: Arc<Host>) -> Result<Self> {
        let launch = Launch {
            host: Some(host),
            ..Launch::default()
        };
        Self::launch(directory()?, launch).await
    }

    /// Starts a server that writes each change to its log before it answers, and has it after a restart.
    pub async fn with_log() -> Result<Self> {
        let launch = Launch {
            settings: log::SETTINGS.to_vec(),
            ..Launch::default()
        };
        Self::launch(directory()?, launch).await
    }

    /// Starts a server in this directory, on ports that nobody else has.
    pub(super) async fn launch(directory: TempDir, launch: Launch) -> Result<Self> {
        let mut server = Self {
            ports: launch.ports()?,
            launch,
            process: Mutex::new(None),
            directory,
        };
        for _ in 1..PORT_TRIES {
            match server.run().await {
                Err(_) if server.log().contains("Address already in use") => {}
                result => return result.map(|()| server),
            }
            fs::remove_file(server.directory.path().join(LOG))?;
            server.ports = server.launch.ports()?;
        }
        server.run().await.map(|()| server)
    }

    /// Where it listens, `127.0.0.1:port`, or where the other hosts of its network find it. It stays the same
    /// over restarts.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.launch.ip(), self.ports.clients)
    }

    /// The host it runs in, if that is one of its own.
    #[must_use]
    pub fn host(&self) -> Option<&Arc<Host>> {
        self.launch.host.as_ref()
    }

    /// A new connection to it.
    pub async fn connect(&self) -> Result<MultiplexedConnection> {
        connection::open(&self.way()).await
    }

    /// Kills it without warning (SIGKILL), which closes its connections. Its data is gone unless it has a log;
    /// what it knew of its cluster is not.
    pub fn kill(&self) {
        self.process.lock().take();
    }

    /// Makes it silent without closing anything (SIGSTOP): the kernel still takes what is sent to it.
    pub fn freeze(&self) -> Result<()> {
        self.with_process(Process::freeze)
    }

    /// Lets a frozen server go on (SIGCONT); what was sent to it meanwhile, it now does.
    pub fn thaw(&self) -> Result<()> {
        self.with_process(Process::thaw)
    }

    /// Starts it again at the same address, empty unless it has a log; kills it before if it still runs.
    pub async fn restart(&self) -> Result<()> {
        self.kill();
        self.run().await
    }

    /// Whether it was neither killed nor frozen.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let process = self.process.lock();
        process.as_ref().is_some_and(|process| !process.is_frozen())
    }

    /// Where it lives; nothing is kept there but its log and, in a cluster, what it knows of the others.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its process, unless it is killed.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.lock().as_ref().map(Process::id)
    }

    /// Its address as the other servers know it, without the port.
    pub(super) fn ip(&self) -> Ipv4Addr {
        self.launch.ip()
    }

    pub(super) fn ports(&self) -> (u16, Option<u16>) {
        (self.ports.clients, self.ports.cluster)
    }

    /// One question on a connection of its own.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        connection::ask(&self.way(), command).await
    }

    /// Where the test reaches it, whatever is cut.
    fn way(&self) -> String {
        let front = self.launch.host.as_ref().map(|host| host.front());
        let ip = front.unwrap_or(self.ip());
        format!("{ip}:{}", self.ports.clients)
    }

    fn with_process(&self, act: impl FnOnce(&mut Process) -> Result<()>) -> Result<()> {
        let mut process = self.process.lock();
        let process = process.as_mut();
        act(process.with_context(|| format!("{} is killed: restart it first", self.address()))?)
    }

    /// Starts the process and waits until it answers.
    async fn run(&self) -> Result<()> {
        let process = self.spawn()?;
        let id = process.id();
        *self.process.lock() = Some(process);
        let start = wait::until("a started Redis answers", || self.look(id)).await;
        let failure = match start {
            Ok(Start::Answers) => return Ok(()),
            Ok(Start::Ended(status)) => anyhow!("{PROGRAM} ended at once with {status}"),
            Err(error) => error,
        };
        self.kill();
        Err(failure.context(format!("{PROGRAM} did not start; its log:\n{}", self.log())))
    }

    fn spawn(&self) -> Result<Process> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.directory.path().join(LOG))?;
        let mut command = self.launch.command();
        for (name, value) in SETTINGS.iter().chain(&self.launch.settings) {
            command.args([&format!("--{name}"), *value]);
        }
        command.args(["--port", &self.ports.clients.to_string()]);
        if let Some(port) = self.ports.cluster {
            command.args(["--cluster-port", &port.to_string()]);
        }
        command
            .current_dir(self.directory.path())
            .envs(self.launch.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let mut process = match Process::spawn(&mut command) {
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "{PROGRAM} is missing: `apt-get install {PROGRAM}`, or `cargo xtask test`, which does"
            ),
            spawned => spawned.context("cannot start redis-server")?,
        };
        if let Some(residue) = self.launch.residue {
            process.remove_at_end(residue(process.id()));
        }
        Ok(process)
    }

    /// Whether it is this very process that answers: another one may have taken the port.
    async fn look(&self, id: u32) -> Result<Start> {
        let ended = self.process.lock().as_mut().map(Process::ended);
        match ended {
            None => bail!("killed while it started"),
            Some(Err(error)) => return Err(error),
            Some(Ok(Some(status))) => return Ok(Start::Ended(status)),
            Some(Ok(None)) => {}
        }
        let information: InfoDict = self.ask(redis::cmd("INFO").arg("server")).await?;
        let answering: Option<u32> = information.get("process_id");
        ensure!(
            answering == Some(id),
            "{answering:?} answers in place of {id}"
        );
        Ok(Start::Answers)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join(LOG)).unwrap_or_default()
    }
}

impl Launch {
    fn ip(&self) -> Ipv4Addr {
        self.host
            .as_ref()
            .map_or(Ipv4Addr::LOCALHOST, |host| host.back())
    }

    fn ports(&self) -> Result<Ports> {
        match self.host {
            Some(_) => Ok(USUAL_PORTS),
            None => Ports::free(self.in_cluster),
        }
    }

    /// The program, bound to where it belongs.
    fn command(&self) -> Command {
        let mut command = match &self.host {
            Some(host) => host.command(PROGRAM),
            None => Command::new(PROGRAM),
        };
        let ip = self.ip().to_string();
        command.args(["--bind", &ip]);
        if let Some(host) = &self.host {
            command.arg(host.front().to_string());
            // The default refuses whoever does not come over loopback.
            command.args(["--protected-mode", "no"]);
        }
        if self.in_cluster {
            command.args(["--cluster-announce-ip", &ip]);
        }
        command
    }
}

impl Ports {
    fn free(in_cluster: bool) -> Result<Self> {
        Ok(Self {
            clients: ports::free()?,
            cluster: in_cluster.then(ports::free).transpose()?,
        })
    }
}

/// The directory of one server.
pub(super) fn directory() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("fanline-redis-")
        .tempdir()
        .context("no temporary directory")
}
