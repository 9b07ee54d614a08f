//! One Fanline server, a process of its own.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use fanline_testkit::redis::WallClock;
use parking_lot::{Mutex, RwLock};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use super::{Spot, Tenant};

/// How long a start may take: a debug build on a busy machine, while Redis elects.
const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// How a server is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// The program.
    pub(crate) program: PathBuf,
    /// Its data directory.
    pub(crate) directory: PathBuf,
    /// Where its own log goes.
    pub(crate) log: PathBuf,
    /// Where it is put.
    pub(crate) spot: Spot,
    /// Variables of its environment beyond those for Redis.
    pub(crate) settings: Vec<(String, String)>,
}

/// What `fanline dev --output json` prints once it serves.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Greeting {
    pub(crate) url: String,
    pub(crate) admin_url: String,
    pub(crate) ops_url: String,
    pub(crate) app_id: String,
    pub(crate) api_key: String,
    pub(crate) operator_token: String,
    pub(crate) pusher: PusherKey,
}

/// The app's public name.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PusherKey {
    pub(crate) key: String,
}

/// A server that can be killed, frozen and restarted; it stays the same, at the same address.
#[derive(Debug)]
pub struct Node {
    name: String,
    tenant: Arc<Tenant>,
    launch: RwLock<Launch>,
    process: Mutex<Option<Process>>,
    url: RwLock<String>,
    ops_url: RwLock<String>,
}

/// A child that is never left behind.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    is_frozen: bool,
}

// === impl Node ===

impl Node {
    /// Starts it.
    pub(crate) async fn start(name: String, tenant: Arc<Tenant>, launch: Launch) -> Result<Self> {
        let node = Self {
            name,
            tenant,
            launch: RwLock::new(launch),
            process: Mutex::new(None),
            url: RwLock::new(String::new()),
            ops_url: RwLock::new(String::new()),
        };
        node.restart().await?;
        Ok(node)
    }

    /// Its name: the tenant's, and a number.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whom it serves.
    #[must_use]
    pub fn tenant(&self) -> &Arc<Tenant> {
        &self.tenant
    }

    /// Its public address, `http://…`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url.read().clone()
    }

    /// Where it tells its metrics, `http://…`; another one after each start.
    #[must_use]
    pub fn ops_url(&self) -> String {
        self.ops_url.read().clone()
    }

    /// The program that it is started from.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.launch.read().program.clone()
    }

    /// From its next start on it is another program.
    pub fn replace_program(&self, program: PathBuf) {
        self.launch.write().program = program;
    }

    /// Whether it was neither killed nor frozen.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let process = self.process.lock();
        process.as_ref().is_some_and(|process| !process.is_frozen)
    }

    /// Kills it without warning (SIGKILL).
    pub fn kill(&self) {
        self.process.lock().take();
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    pub async fn stop(&self) -> Result<()> {
        let process = self.process.lock().take();
        match process {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }

    /// Makes it silent without closing anything (SIGSTOP).
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP, true)
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT, false)
    }

    /// Starts it again at the same address; kills it before if it still runs.
    pub async fn restart(&self) -> Result<()> {
        self.kill();
        let launch = self.launch.read().clone();
        let (process, greeting) = Process::start(&launch)
            .await
            .with_context(|| format!("the server {} does not start", self.name))?;
        *self.process.lock() = Some(process);
        if let Some(address) = greeting.url.strip_prefix("http://") {
            self.launch.write().spot.listen = address.to_owned();
        }
        *self.url.write() = greeting.url;
        *self.ops_url.write() = greeting.ops_url;
        Ok(())
    }

    fn signal(&self, signal: Signal, freezes: bool) -> Result<()> {
        let mut process = self.process.lock();
        let process = process
            .as_mut()
            .with_context(|| format!("{} is killed: restart it first", self.name))?;
        kill_process(Pid::from_child(&process.child), signal)?;
        process.is_frozen = freezes;
        Ok(())
    }
}

// === impl Process ===

impl Process {
    /// Starts a server and waits until it greets.
    pub(crate) async fn start(launch: &Launch) -> Result<(Self, Greeting)> {
        let mut child = launch.command()?.spawn().with_context(|| {
            let program = launch.program.display();
            format!("cannot start {program}: `cargo xtask lab` builds it")
        })?;
        let output = child.stdout.take();
        let process = Self {
            child,
            is_frozen: false,
        };
        let output = output.context("its output is piped")?;
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(output).read_line(&mut line).map(|_| line)
        });
        // In time or not: without its process the reading ends, too.
        let line = tokio::time::timeout(START_WITHIN, reading)
            .await
            .with_context(|| format!("it says nothing for {START_WITHIN:?}"))???;
        let greeting = serde_json::from_str(&line).with_context(|| {
            let log = launch.log.display();
            format!("its one line is not what was promised: {line:?}; its log is {log}")
        })?;
        Ok((process, greeting))
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let ended = async {
            while self.child.try_wait()?.is_none() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(STOP_WITHIN, ended)
            .await
            .with_context(|| format!("a server does not stop within {STOP_WITHIN:?}"))?
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself. A frozen one dies of this like any other.
        let _ = self.child.kill();
        let _ = self.child.wait();
        WallClock::clean_up_after(self.child.id());
    }
}

// === impl Launch ===

impl Launch {
    /// On this machine itself, wherever it is put later: there its admin API is reached.
    pub(crate) fn without_redis(mut self) -> Self {
        self.spot.before.clear();
        self.spot.environment.clear();
        self.spot.listen = "127.0.0.1:0".to_owned();
        let memory = ("FANLINE_BROKER_KIND".to_owned(), "memory".to_owned());
        self.settings.push(memory);
        self
    }

    fn command(&self) -> Result<Command> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot write {}", self.log.display()))?;
        let mut words = self.spot.before.iter();
        let mut command = match words.next() {
            None => Command::new(&self.program),
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(&self.program);
                command
            }
        };
        command
            .args(["dev", "--output", "json"])
            .args(["--listen", &self.spot.listen])
            .args(["--admin-listen", "127.0.0.1:0"])
            .args(["--ops-listen", "127.0.0.1:0"])
            .arg("--data-dir")
            .arg(&self.directory)
            .env("FANLINE_BROKER_KIND", "redis")
            .env("FANLINE_REDIS_NODES", self.spot.redis.join(","))
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .envs(self.spot.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        Ok(command)
    }
}

/// Copies a data directory of a server that is stopped.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
