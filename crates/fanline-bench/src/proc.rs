//! What `/proc` says about a process: processor time, memory, open files.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// `USER_HZ`: the unit of times in `/proc/PID/stat`, 100 on every Linux since 2.6 (proc(5)).
const TICKS_PER_SECOND: f64 = 100.0;
/// Beyond this the two clocks of [`CpuTime`] disagree by more than their grain.
const GRAIN: f64 = 0.05;

/// The processor time a process has had so far, by two clocks.
///
/// `stat` splits user from kernel and counts threads that ended, in steps of 10 ms. `schedstat`
/// counts nanoseconds, but only of threads that live.
#[derive(Clone, Debug)]
pub(crate) struct CpuTime {
    user_ticks: u64,
    kernel_ticks: u64,
    threads: HashMap<String, u64>,
}

/// Processor time within a span, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CpuSpent {
    pub(crate) user: f64,
    pub(crate) kernel: f64,
}

/// What a process holds in memory, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) resident: f64,
    /// Its anonymous part: what is neither file nor shared.
    pub(crate) anonymous: f64,
}

/// `self` for this process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    directory: PathBuf,
}

// === impl Process ===

impl Process {
    pub(crate) fn this() -> Self {
        Self {
            directory: PathBuf::from("/proc/self"),
        }
    }

    pub(crate) fn with_id(id: u32) -> Self {
        Self {
            directory: PathBuf::from(format!("/proc/{id}")),
        }
    }

    pub(crate) fn cpu_time(&self) -> Result<CpuTime> {
        let (user_ticks, kernel_ticks) =
            parse_stat(&self.read("stat")?).context("/proc/PID/stat has another form")?;
        let mut threads = HashMap::new();
        let tasks = self.directory.join("task");
        for entry in fs::read_dir(&tasks).with_context(|| format!("reading {}", tasks.display()))? {
            let Ok(entry) = entry else { continue };
            // A thread may end between the listing and the reading.
            let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else {
                continue;
            };
            if let Some(nanos) = parse_schedstat(&text) {
                threads.insert(entry.file_name().to_string_lossy().into_owned(), nanos);
            }
        }
        Ok(CpuTime {
            user_ticks,
            kernel_ticks,
            threads,
        })
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        // status keeps its counters by processor and may be off by some pages each; the roll-up
        // walks the page tables.
        let rollup = self.read("smaps_rollup")?;
        Ok(Memory {
            resident: parse_kib(&rollup, "Rss:").context("no Rss in smaps_rollup")?,
            anonymous: parse_kib(&rollup, "Anonymous:").context("no Anonymous in smaps_rollup")?,
        })
    }

    /// Refuses what would end in "too many open files" half-way, in this process or in the server
    /// that inherits its limit.
    pub(crate) fn require_open_files(&self, needed: usize) -> Result<()> {
        let limits = self.read("limits")?;
        match parse_open_files(&limits) {
            Some(allowed) if allowed < needed => bail!(
                "{needed} open files are needed and {allowed} allowed: raise the limit first \
                 (`ulimit -n {needed}`) or take fewer connections"
            ),
            _ => Ok(()),
        }
    }

    fn read(&self, name: &str) -> Result<String> {
        let path = self.directory.join(name);
        fs::read_to_string(&path)
            .with_context(|| format!("reading {} (has the server ended?)", path.display()))
    }
}

// === impl CpuTime ===

impl CpuTime {
    /// What was spent since an earlier reading: the finer clock where the same threads were there
    /// at both ends, divided as the coarser one divides.
    pub(crate) fn since(&self, earlier: &Self) -> CpuSpent {
        let ticks = |now: u64, then: u64| now.saturating_sub(then) as f64 / TICKS_PER_SECOND;
        let user = ticks(self.user_ticks, earlier.user_ticks);
        let kernel = ticks(self.kernel_ticks, earlier.kernel_ticks);
        let coarse = user + kernel;
        let total = match self.scheduled_since(earlier) {
            Some(fine) if (fine - coarse).abs() <= GRAIN => fine,
            _ => coarse,
        };
        let user_share = if coarse > 0.0 { user / coarse } else { 0.0 };
        CpuSpent {
            user: total * user_share,
            kernel: total * (1.0 - user_share),
        }
    }

    /// Nothing if a thread ended in between: what it ran is gone from this clock.
    fn scheduled_since(&self, earlier: &Self) -> Option<f64> {
        if !earlier
            .threads
            .keys()
            .all(|thread| self.threads.contains_key(thread))
        {
            return None;
        }
        let nanos: u64 = self
            .threads
            .iter()
            .map(|(thread, now)| {
                now.saturating_sub(earlier.threads.get(thread).copied().unwrap_or(0))
            })
            .sum();
        Some(nanos as f64 / 1e9)
    }
}

impl std::iter::Sum for CpuSpent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            user: sum.user + one.user,
            kernel: sum.kernel + one.kernel,
        })
    }
}

impl CpuSpent {
    pub(crate) fn total(&self) -> f64 {
        self.user + self.kernel
    }
}

/// Fields 14 and 15. The second field is the command in parentheses and may hold spaces and
/// parentheses itself, so the count begins behind the last one.
fn parse_stat(text: &str) -> Option<(u64, u64)> {
    let (_, after) = text.rsplit_once(')')?;
    let mut fields = after.split_ascii_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn parse_schedstat(text: &str) -> Option<u64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

fn parse_kib(text: &str, label: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// The soft limit; nothing if it is unlimited.
fn parse_open_files(text: &str) -> Option<usize> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn time(user: u64, kernel: u64, threads: &[(&str, u64)]) -> CpuTime {
        CpuTime {
            user_ticks: user,
            kernel_ticks: kernel,
            threads: threads
                .iter()
                .map(|(id, nanos)| ((*id).to_owned(), *nanos))
                .collect(),
        }
    }

    #[test]
    fn a_command_with_parentheses_does_not_shift_the_fields() {
        let stat = "17 (a) (b c) S 1 17 17 0 -1 4194560 100 0 0 0 42 7 0 0 20 0 1 0 9 0 0";
        assert_eq!(parse_stat(stat), Some((42, 7)));
        assert_eq!(parse_stat("17 (cut"), None);
    }

    #[test]
    fn the_finer_clock_is_divided_as_the_coarser_one_divides() {
        let spent = time(1, 3, &[("7", 39_000_000)]).since(&time(0, 0, &[("7", 0)]));
        assert!((spent.total() - 0.039).abs() < 1e-9, "{spent:?}");
        assert!((spent.user - 0.039 / 4.0).abs() < 1e-9, "{spent:?}");
    }

    #[test]
    fn a_thread_that_ended_is_counted_by_the_coarser_clock() {
        let before = time(0, 0, &[("7", 0), ("8", 0)]);
        let spent = time(1, 3, &[("7", 20_000_000)]).since(&before);
        assert!((spent.total() - 0.04).abs() < 1e-9, "{spent:?}");
    }

    #[test]
    fn clocks_that_disagree_leave_the_one_that_counts_ended_threads() {
        let spent = time(100, 300, &[("7", 1)]).since(&time(0, 0, &[]));
        assert!((spent.total() - 4.0).abs() < 1e-9, "{spent:?}");
    }

    #[test]
    fn the_roll_up_is_read_by_label() {
        let rollup = "5581 rollup\nRss:            1234 kB\nPss: 9 kB\nAnonymous:   56 kB\n";
        assert_eq!(parse_kib(rollup, "Rss:"), Some(1234.0));
        assert_eq!(parse_kib(rollup, "Anonymous:"), Some(56.0));
        assert_eq!(parse_kib(rollup, "Swap:"), None);
    }

    #[test]
    fn too_many_connections_are_refused_before_the_first() {
        let limits = "Limit  Soft  Hard  Units\nMax open files   1024    4096   files\n";
        assert_eq!(parse_open_files(limits), Some(1024));
        assert_eq!(
            parse_open_files("Max open files unlimited unlimited files"),
            None
        );
    }

    #[test]
    fn this_process_can_be_read() {
        let this = Process::this();
        let before = this.cpu_time().unwrap();
        assert!(!before.threads.is_empty());
        assert!(this.memory().unwrap().resident > 0.0);
        this.require_open_files(1).unwrap();
        assert!(this.require_open_files(usize::MAX).is_err());
    }
}
