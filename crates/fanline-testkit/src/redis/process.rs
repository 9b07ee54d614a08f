//! A child process that is never left behind.
//!
//! The standard library's child and not tokio's: dropping it must have killed and reaped it before the
//! directory goes, also while a runtime is being torn down. Each blocking wait here is for a signal that
//! a process cannot refuse, and takes well under a millisecond.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};

use anyhow::Result;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    is_frozen: bool,
    /// Files that only a clean exit would remove.
    residue: Vec<PathBuf>,
}

impl Process {
    pub(super) fn spawn(command: &mut Command) -> std::io::Result<Self> {
        Ok(Self {
            child: command.spawn()?,
            is_frozen: false,
            residue: Vec::new(),
        })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn remove_at_end(&mut self, files: impl IntoIterator<Item = PathBuf>) {
        self.residue.extend(files);
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.is_frozen
    }

    /// Stops it where it is; its sockets stay open. It has stopped when this returns.
    pub(super) fn freeze(&mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::STOP)?;
        // A look that leaves the exit status, if it ends instead, to `ended`.
        let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), options)?;
        self.is_frozen = true;
        Ok(())
    }

    /// Lets it go on.
    pub(super) fn thaw(&mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::CONT)?;
        self.is_frozen = false;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself. A frozen one dies of this signal like any other.
        let _ = self.child.kill();
        let _ = self.child.wait();
        for file in &self.residue {
            let _ = std::fs::remove_file(file);
        }
    }
}
