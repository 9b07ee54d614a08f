//! One server process: a `fanline dev` with a data directory of its own, or a node of an
//! [`Installation`](crate::Installation).

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tempfile::TempDir;

/// What `fanline dev --output json` prints once it serves.
#[derive(Clone, Debug, Deserialize)]
pub struct Info {
    /// The public listener.
    pub url: String,
    /// The admin listener.
    pub admin_url: String,
    /// Metrics and health.
    pub ops_url: String,
    /// The app.
    pub app_id: String,
    /// An API key with every scope.
    pub api_key: String,
    /// A key that signs tokens.
    pub signing_key: SigningKey,
    /// Pusher credentials; the key is the app key.
    pub pusher: Pusher,
    /// The operator's token for the admin API.
    pub operator_token: String,
    /// Where everything is kept.
    pub data_dir: PathBuf,
}

/// A key that signs tokens.
#[derive(Clone, Debug, Deserialize)]
pub struct SigningKey {
    /// Its id.
    pub kid: String,
    /// Its secret.
    pub secret: String,
}

/// Pusher credentials.
#[derive(Clone, Debug, Deserialize)]
pub struct Pusher {
    /// The app id, digits.
    pub app_id: String,
    /// The public key.
    pub key: String,
    /// The secret.
    pub secret: String,
}

/// A running server; ended when dropped.
pub struct Server {
    child: Child,
    /// What it printed.
    pub info: Info,
    dir: Option<TempDir>,
}

/// Deadlines are generous, and grow by one factor on slow machines.
pub fn patience(while_: Duration) -> Duration {
    let factor = std::env::var("FANLINE_TEST_TIME_FACTOR")
        .ok()
        .and_then(|text| text.parse::<f64>().ok());
    while_.mul_f64(factor.unwrap_or(1.0).max(1.0))
}

// === impl Server ===

impl Server {
    /// Starts one with an empty data directory.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut server = Self::start_in(dir.path());
        server.dir = Some(dir);
        server
    }

    /// Starts one on this data directory.
    pub fn start_in(dir: &Path) -> Self {
        Self::spawn(command(dir))
    }

    /// The same, with more in its environment.
    pub fn start_in_with(dir: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = command(dir);
        command.envs(environment.iter().copied());
        Self::spawn(command)
    }

    /// Starts `fanline serve`; `info` gets the addresses that its log tells.
    pub(crate) fn serve(mut command: Command, info: Info) -> Self {
        command.env("FANLINE_LOG_FORMAT", "json");
        let child = command.stderr(Stdio::piped()).spawn();
        let mut server = Self {
            child: child.expect("the server starts"),
            info,
            dir: None,
        };
        let log = server.child.stderr.take().expect("its log");
        let mut lines = BufReader::new(log).lines();
        let mut said = String::new();
        let urls = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let parsed: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            said += &format!("{line}\n");
            let fields = &parsed["fields"];
            let url = |name: &str| fields[name].as_str().map(str::to_owned);
            Some([url("public")?, url("admin")?, url("ops")?])
        });
        let [url, admin_url, ops_url] =
            urls.unwrap_or_else(|| panic!("the server does not serve; its log:\n{said}"));
        server.info = Info {
            url,
            admin_url,
            ops_url,
            ..server.info.clone()
        };
        // A log that nobody reads would stop the server.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        server
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the server starts");
        let stdout = child.stdout.take().expect("its output");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("its output can be read");
        let info = serde_json::from_str(&line).unwrap_or_else(|error| {
            panic!("the server's one line is not what was promised: {error}: {line:?}")
        });
        Self {
            child,
            info,
            dir: None,
        }
    }

    /// Tries to start one and answers its exit code and what it wrote to stderr.
    pub fn refused_in(dir: &Path) -> (i32, String) {
        let output = command(dir)
            .stderr(Stdio::piped())
            .output()
            .expect("the server starts");
        (
            output.status.code().unwrap_or(-1),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("its status");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("its resident memory");
        line.split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse().ok())
            .expect("a number")
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    pub fn stop(mut self) -> Option<TempDir> {
        self.signal("-TERM");
        let deadline = Instant::now() + patience(Duration::from_secs(30));
        while self.child.try_wait().expect("its state").is_none() {
            assert!(
                Instant::now() < deadline,
                "the server did not stop within 30 s of SIGTERM"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        self.dir.take()
    }

    /// Kills it (SIGKILL).
    pub fn kill(mut self) -> Option<TempDir> {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
        self.dir.take()
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.pid().to_string()])
            .status();
        assert!(
            sent.is_ok_and(|status| status.success()),
            "the signal could not be sent"
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(dir: &Path) -> Command {
    let mut command = fanline(&["dev", "--output", "json"]);
    for listener in ["--listen", "--admin-listen", "--ops-listen"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    command.arg("--data-dir").arg(dir);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// The binary, with these arguments and nothing to read.
pub(crate) fn fanline(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null());
    command
}

/// The binary under test: built here, so that it is never an old one, unless `FANLINE_BIN` names it.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(named) = std::env::var_os("FANLINE_BIN") {
            return named.into();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--package", "fanline-server"])
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the server does not build");
        // tests run from target/debug/deps
        let here = std::env::current_exe().expect("the path of this test");
        let target = here.parent().and_then(Path::parent).expect("target/debug");
        target.join("fanline")
    })
}
