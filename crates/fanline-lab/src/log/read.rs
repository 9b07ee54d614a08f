//! The reading side.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Entry, Event};

/// All files of a run.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    actors: Vec<ActorLog>,
}

/// One actor's file.
#[derive(Clone, Debug)]
pub struct ActorLog {
    name: String,
    entries: Vec<Entry>,
}

/// A line of a file: what a violation points at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The actor.
    pub actor: String,
    /// The line, from 1.
    pub line: usize,
}

// === impl Logs ===

impl Logs {
    /// Reads every actor's file of a run's directory, in the order of their names.
    pub fn read(directory: &Path) -> Result<Self> {
        let mut paths = Vec::new();
        let listing = std::fs::read_dir(directory)
            .with_context(|| format!("cannot read {}", directory.display()))?;
        for file in listing {
            let path = file?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "jsonl")
            {
                paths.push(path);
            }
        }
        anyhow::ensure!(
            !paths.is_empty(),
            "{} holds no logs of a run (*.jsonl)",
            directory.display()
        );
        paths.sort();
        let actors = paths.iter().map(|path| ActorLog::read(path));
        Ok(Self {
            actors: actors.collect::<Result<_>>()?,
        })
    }

    /// Logs that no run wrote.
    #[must_use]
    pub fn forged(actors: Vec<ActorLog>) -> Self {
        Self { actors }
    }

    /// The actors.
    #[must_use]
    pub fn actors(&self) -> &[ActorLog] {
        &self.actors
    }

    /// Every event of every actor, file by file.
    pub fn events(&self) -> impl Iterator<Item = (Place, &Entry)> {
        self.actors.iter().flat_map(ActorLog::events)
    }
}

// === impl ActorLog ===

impl ActorLog {
    /// A file that no run wrote; its times rise by a millisecond.
    #[must_use]
    pub fn forged(name: &str, events: Vec<Event>) -> Self {
        let entries = (1..).zip(events).map(|(at, event)| Entry {
            at: at * 1_000,
            event,
        });
        Self {
            name: name.to_owned(),
            entries: entries.collect(),
        }
    }

    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let entry = |(number, line): (usize, &str)| {
            serde_json::from_str(line)
                .with_context(|| format!("{}:{} is no event", path.display(), number + 1))
        };
        let name = path.file_stem().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            entries: text.lines().enumerate().map(entry).collect::<Result<_>>()?,
        })
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its events with their places.
    pub fn events(&self) -> impl Iterator<Item = (Place, &Entry)> {
        self.entries.iter().enumerate().map(|(number, entry)| {
            let place = Place {
                actor: self.name.clone(),
                line: number + 1,
            };
            (place, entry)
        })
    }
}

// === impl Place ===

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.jsonl:{}", self.actor, self.line)
    }
}
