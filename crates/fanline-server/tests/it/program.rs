//! Starting the binary and hearing what it says.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// What no step here should take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary with these arguments, and nothing of ours in its environment.
pub(crate) fn fanline(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanline"));
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("FANLINE_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    fanline(arguments).output().unwrap()
}

/// Runs a command that must fail, and gives what it said.
pub(crate) fn refusal(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success(),
        "{arguments:?} did not fail: {said}"
    );
    assert!(
        output.stdout.is_empty(),
        "nothing for a script to mistake for an answer"
    );
    said
}

/// A process that ends with this value, and its standard output line by line.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
    _logs: TempDir,
}

/// A data directory, and the flags to serve it on ports of the system's choice.
pub(crate) struct Home {
    directory: TempDir,
}

/// A `fanline dev` that serves.
pub(crate) struct Dev {
    pub(crate) running: Running,
    pub(crate) ready: Value,
}

// === impl Running ===

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let logs = tempfile::tempdir().unwrap();
        let log = logs.path().join("log");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            log,
            _logs: logs,
        }
    }

    /// The next line of its standard output.
    pub(crate) fn line(&mut self) -> String {
        self.lines
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|error| panic!("no line ({error}); on standard error: {}", self.log()))
    }

    /// What it said on standard error so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until standard error holds a text.
    pub(crate) fn wait_for_log(&self, text: &str) {
        for _ in 0..PATIENCE.as_millis() / 20 {
            if self.log().contains(text) {
                return;
            }
            pause();
        }
        panic!("{text:?} never came; on standard error: {}", self.log());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        for _ in 0..PATIENCE.as_millis() / 20 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            pause();
        }
        panic!("it does not end; on standard error: {}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

// === impl Home ===

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn text(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    /// Starts `dev` on free ports.
    pub(crate) fn dev(&self) -> Dev {
        self.dev_at("127.0.0.1:0")
    }

    /// Starts `dev` with its public listener there.
    pub(crate) fn dev_at(&self, listen: &str) -> Dev {
        let mut command = fanline(&["dev", "--output", "json", "--listen", listen]);
        command.args(ELSEWHERE).args(["--data-dir", &self.text()]);
        let mut running = Running::start(command);
        let ready = serde_json::from_str(&running.line()).unwrap();
        Dev { running, ready }
    }
}

/// The other two listeners on free ports.
pub(crate) const ELSEWHERE: [&str; 4] = [
    "--admin-listen",
    "127.0.0.1:0",
    "--ops-listen",
    "127.0.0.1:0",
];

// === impl Dev ===

impl Dev {
    /// A member of the line that it said.
    pub(crate) fn said(&self, member: &str) -> String {
        self.ready[member].as_str().unwrap().to_owned()
    }

    /// The host and port of its public listener.
    pub(crate) fn authority(&self) -> String {
        self.said("url").replace("http://", "")
    }

    /// Stops it as a supervisor does.
    pub(crate) fn stop(mut self) {
        self.running.signal(Signal::TERM);
        assert!(self.running.wait().success(), "{}", self.running.log());
    }

    /// Kills it in the middle of whatever it does.
    pub(crate) fn kill(mut self) {
        self.running.signal(Signal::KILL);
        self.running.wait();
    }

    /// Publishes and gives the server's answer.
    pub(crate) fn publish(&self, channel: &str, data: &str) -> Value {
        let data_dir = self.said("data_dir");
        let arguments = [
            "publish",
            channel,
            data,
            "--data-dir",
            &data_dir,
            "--output",
            "json",
        ];
        let output = run(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Sends a request and gives the whole answer.
pub(crate) fn http(url: &str, method: &str, path: &str, body: &str) -> String {
    let authority = url.replace("http://", "");
    let mut stream = TcpStream::connect(&authority).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Waits until something holds.
pub(crate) fn eventually(holds: impl Fn() -> bool) {
    for _ in 0..PATIENCE.as_millis() / 20 {
        if holds() {
            return;
        }
        pause();
    }
    panic!("it never came to hold");
}

/// Whether a file is there.
pub(crate) fn has(home: &Path, name: &str) -> bool {
    home.join(name).exists()
}

#[expect(clippy::disallowed_methods, reason = "a poll of another process")]
fn pause() {
    thread::sleep(Duration::from_millis(20));
}
