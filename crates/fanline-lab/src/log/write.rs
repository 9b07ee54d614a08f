//! The writing side.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use parking_lot::Mutex;

use super::{Entry, Event};

/// A run's directory and its clock.
#[derive(Debug)]
pub struct Logbook {
    directory: PathBuf,
    began: Instant,
    recorders: Mutex<Vec<Recorder>>,
}

/// An actor's file. Clones write to the same one.
#[derive(Clone, Debug)]
pub struct Recorder {
    began: Instant,
    who: Option<u32>,
    /// None writes nothing.
    file: Option<Arc<Mutex<Page>>>,
}

#[derive(Debug)]
struct Page {
    path: PathBuf,
    file: BufWriter<File>,
    /// The first thing that went wrong; nothing is written after it, so that no line is missing in the middle.
    failure: Option<std::io::Error>,
}

// === impl Logbook ===

impl Logbook {
    /// Makes the directory; its clock begins now.
    pub fn create(directory: &Path) -> Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        Ok(Self {
            directory: directory.to_owned(),
            began: Instant::now(),
            recorders: Mutex::new(Vec::new()),
        })
    }

    /// Where the files are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Opens the file of an actor with a name of its own.
    pub fn actor(&self, name: &str) -> Result<Recorder> {
        let path = self.directory.join(format!("{name}.jsonl"));
        let file =
            File::create_new(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let recorder = Recorder {
            began: self.began,
            who: None,
            file: Some(Arc::new(Mutex::new(Page {
                path,
                file: BufWriter::new(file),
                failure: None,
            }))),
        };
        self.recorders.lock().push(recorder.clone());
        Ok(recorder)
    }

    /// Writes out what is buffered, and says whether every line of every actor was written.
    pub fn finish(&self) -> Result<()> {
        self.recorders.lock().iter().try_for_each(Recorder::finish)
    }
}

// === impl Recorder ===

impl Recorder {
    /// One that writes nothing down.
    pub(crate) fn none() -> Self {
        Self {
            began: Instant::now(),
            who: None,
            file: None,
        }
    }

    /// The same file for one of many actors who share it.
    #[must_use]
    pub(crate) fn of(&self, who: u32) -> Self {
        Self {
            who: Some(who),
            ..self.clone()
        }
    }

    /// Writes a line. A failure is kept until [`Logbook::finish`].
    pub fn record(&self, event: Event) {
        let Some(file) = &self.file else { return };
        let mut page = file.lock();
        // Under the lock, so that times never step back within a file.
        let at = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        page.write(&Entry {
            at,
            who: self.who,
            event,
        });
    }

    fn finish(&self) -> Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let mut page = file.lock();
        let flushed = page.file.flush();
        let result = page.failure.take().map_or(flushed, Err);
        result.with_context(|| format!("cannot write {}", page.path.display()))
    }
}

// === impl Page ===

impl Page {
    fn write(&mut self, entry: &Entry) {
        if self.failure.is_some() {
            return;
        }
        let line = serde_json::to_vec(entry).map_err(std::io::Error::other);
        let written = line.and_then(|mut line| {
            line.push(b'\n');
            self.file.write_all(&line)
        });
        self.failure = written.err();
    }
}
