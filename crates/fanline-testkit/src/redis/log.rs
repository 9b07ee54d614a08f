//! A server's log (the append-only file), cut short as a crash of the machine would: Redis promises to have lost
//! no more than a second of it (`appendfsync everysec`), and has answered every call of that second.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::server::RedisServer;

/// Every change is in the log when it is answered, so that what a test cuts off is all that is missing.
pub(super) const SETTINGS: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "always")];

/// In the server's directory.
const DIRECTORY: &str = "appendonlydir";
/// Of the file that grows; the other one is the base that a rewrite leaves.
const GROWING: &str = ".incr.aof";

impl RedisServer {
    /// Kills it, cuts the last acts off its log, and starts it again. What one call of a function wrote is one
    /// act.
    pub async fn restart_without_last(&self, acts: usize) -> Result<()> {
        self.kill();
        let path = self.log_file()?;
        let bytes = fs::read(&path)?;
        let ends = ends_of_acts(&bytes).context("the log cannot be read")?;
        ensure!(
            ends.len() > acts,
            "the log has {} acts, too few to lose {acts}",
            ends.len()
        );
        let end = ends.iter().rev().nth(acts).copied().unwrap_or_default();
        let log = OpenOptions::new().write(true).open(&path)?;
        log.set_len(u64::try_from(end)?)?;
        self.restart().await
    }

    fn log_file(&self) -> Result<PathBuf> {
        let files = fs::read_dir(self.directory().join(DIRECTORY))
            .context("the server keeps no log: start it with one")?;
        files
            .flatten()
            .map(|file| file.path())
            .find(|path| path.to_string_lossy().ends_with(GROWING))
            .context("the server has no growing log")
    }
}

/// Where each act ends: a command, or a transaction as a whole.
fn ends_of_acts(log: &[u8]) -> Option<Vec<usize>> {
    let mut ends = Vec::new();
    let (mut at, mut in_transaction) = (0, false);
    while at < log.len() {
        let (end, name) = command(log, at)?;
        match name {
            b"MULTI" => in_transaction = true,
            b"EXEC" => in_transaction = false,
            _ => {}
        }
        if !in_transaction {
            ends.push(end);
        }
        at = end;
    }
    Some(ends)
}

/// A command: where it ends, and its name.
fn command(log: &[u8], at: usize) -> Option<(usize, &[u8])> {
    let (words, mut at) = header(log, at, b'*')?;
    let mut name = None;
    for _ in 0..words {
        let (length, start) = header(log, at, b'$')?;
        name = name.or(log.get(start..start + length));
        at = start + length + 2;
    }
    (at <= log.len()).then_some((at, name?))
}

/// The number of a header line, and where the next line begins.
fn header(log: &[u8], at: usize, kind: u8) -> Option<(usize, usize)> {
    let line = log.get(at..)?.split(|byte| *byte == b'\n').next()?;
    let (first, digits) = line.split_first()?;
    let number = std::str::from_utf8(digits.trim_ascii_end()).ok()?;
    (*first == kind).then_some((number.parse().ok()?, at + line.len() + 1))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_one_act() {
        let log = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n";
        assert_eq!(ends_of_acts(log).unwrap(), [23, log.len()]);
        assert!(ends_of_acts(&log[..log.len() - 1]).is_none());
    }

    #[tokio::test]
    async fn a_server_comes_back_without_its_last_acts() {
        let server = RedisServer::with_log().await.unwrap();
        let mut connection = server.connect().await.unwrap();
        for number in 0..10 {
            let mut push = redis::cmd("RPUSH");
            push.arg("list").arg(number);
            let () = push.query_async(&mut connection).await.unwrap();
        }
        server.restart_without_last(3).await.unwrap();
        let length: u32 = server.ask(redis::cmd("LLEN").arg("list")).await.unwrap();
        assert_eq!(length, 7);
    }
}
