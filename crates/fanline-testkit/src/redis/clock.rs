//! A server's wall clock that a test moves, so that an hour of expiry takes no hour.
//!
//! libfaketime stands before the C library and adds to each reading what a file says. Only the wall
//! clock is moved: the server's own intervals go by the monotonic one, and stay as they are.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::sync::Mutex;

use super::server::Launch;
use super::{connection, wait};

/// The edition for programs with threads, below `/usr/lib/<architecture>`.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

const OFFSET_FILE: &str = "clock";

/// In a second.
const MICROS: u64 = 1_000_000;

/// Moves the wall clock of one server. It must not outlive its server.
#[derive(Debug)]
pub struct MovableClock {
    address: String,
    file: OffsetFile,
    /// By how many microseconds the clock is ahead; held while it moves.
    ahead: Mutex<i64>,
}

/// The file in which libfaketime looks at every reading of the clock.
#[derive(Debug)]
pub(super) struct OffsetFile(PathBuf);

/// Moves the wall clock of one program of any kind, that is started with [`WallClock::environment`]. Whether the
/// program sees it already is for whoever moves it to find out.
#[derive(Debug)]
pub struct WallClock(OffsetFile);

/// A clock for the server that is about to start in this directory, and how that must be started.
pub(super) fn prepare(directory: &Path) -> Result<(OffsetFile, Launch)> {
    let file = OffsetFile(directory.join(OFFSET_FILE));
    file.write(0)?;
    let launch = Launch {
        environment: file.environment()?,
        residue: Some(shared_memory),
        ..Launch::default()
    };
    Ok((file, launch))
}

// === impl WallClock ===

impl WallClock {
    /// Why there is none here, if so.
    #[must_use]
    pub fn obstacle() -> Option<String> {
        library().err().map(|missing| missing.to_string())
    }

    /// One that shows the right time, and keeps its file in this directory.
    pub fn kept_in(directory: &Path) -> Result<Self> {
        let file = OffsetFile(directory.join(OFFSET_FILE));
        file.write(0)?;
        Ok(Self(file))
    }

    /// What the program's environment must hold beyond our own.
    pub fn environment(&self) -> Result<Vec<(&'static str, OsString)>> {
        self.0.environment()
    }

    /// Sets it this far ahead of the right time.
    pub fn set_ahead(&self, by: Duration) -> Result<()> {
        self.0.write(micros(by)?)
    }

    /// Sets it this far behind the right time.
    pub fn set_behind(&self, by: Duration) -> Result<()> {
        self.0.write(-micros(by)?)
    }

    /// What a program that was killed has left behind.
    pub fn clean_up_after(process: u32) {
        for file in shared_memory(process) {
            // It is not there if the program ended by itself.
            let _ = fs::remove_file(file);
        }
    }
}

// === impl MovableClock ===

impl MovableClock {
    /// Moves the server's clock forward. When this returns, `TIME` shows it and expiry follows.
    pub async fn advance(&self, by: Duration) -> Result<()> {
        let due = self.now().await? + by;
        self.turn(micros(by)?).await?;
        wait::until("the server sees its clock moved", || async {
            let now = self.now().await?;
            ensure!(now >= due, "its clock is {now:?} and should be {due:?}");
            Ok(())
        })
        .await
    }

    /// Moves the server's clock back. When this returns, `TIME` shows it.
    pub async fn turn_back(&self, by: Duration) -> Result<()> {
        let before = self.now().await?;
        self.turn(-micros(by)?).await?;
        wait::until("the server sees its clock moved", || async {
            let now = self.now().await?;
            ensure!(now < before, "its clock is {now:?} and was {before:?}");
            Ok(())
        })
        .await
    }

    async fn turn(&self, by: i64) -> Result<()> {
        let mut ahead = self.ahead.lock().await;
        let target = *ahead + by;
        self.file.write(target)?;
        *ahead = target;
        Ok(())
    }

    /// What the server takes the time for, since 1970.
    pub async fn now(&self) -> Result<Duration> {
        let (seconds, micros) = connection::ask(&self.address, &redis::cmd("TIME")).await?;
        Ok(Duration::from_secs(seconds) + Duration::from_micros(micros))
    }
}

// === impl OffsetFile ===

impl OffsetFile {
    /// The clock of the server that was started with it.
    pub(super) fn of(self, address: String) -> MovableClock {
        MovableClock {
            address,
            file: self,
            ahead: Mutex::new(0),
        }
    }

    /// How a program is started that looks at it.
    fn environment(&self) -> Result<Vec<(&'static str, OsString)>> {
        // The C library before jemalloc: else libfaketime, not yet ready, is asked the time by the very
        // allocator that it needs to become ready, and the server hangs before its first line.
        let mut preload = library()?.into_os_string();
        preload.push(":libc.so.6");
        Ok(vec![
            ("LD_PRELOAD", preload),
            ("FAKETIME_TIMESTAMP_FILE", self.0.clone().into_os_string()),
            ("FAKETIME_NO_CACHE", OsString::from("1")),
            ("FAKETIME_DONT_FAKE_MONOTONIC", OsString::from("1")),
        ])
    }

    /// In one step: a reading of the clock between two must not see half a number.
    fn write(&self, ahead: i64) -> Result<()> {
        let written = self.0.with_extension("new");
        let sign = if ahead < 0 { '-' } else { '+' };
        let (seconds, micros) = (ahead.unsigned_abs() / MICROS, ahead.unsigned_abs() % MICROS);
        fs::write(&written, format!("{sign}{seconds}.{micros:06}\n"))
            .and_then(|()| fs::rename(&written, &self.0))
            .context("the clock's file cannot be written: is its server dropped?")
    }
}

fn micros(span: Duration) -> Result<i64> {
    Ok(i64::try_from(span.as_micros())?)
}

fn library() -> Result<PathBuf> {
    fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten()
        .map(|architecture| architecture.path().join(LIBRARY))
        .find(|library| library.exists())
        .context(
            "libfaketime is missing: `apt-get install libfaketime`, or `cargo xtask test`, which does",
        )
}

/// What libfaketime leaves in shared memory when its process is killed.
fn shared_memory(process: u32) -> [PathBuf; 2] {
    ["faketime_shm", "sem.faketime_sem"].map(|name| format!("/dev/shm/{name}_{process}").into())
}
