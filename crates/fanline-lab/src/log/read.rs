//! The reading side.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{Entry, Event};

/// All files of a run.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    actors: Vec<ActorLog>,
}

/// What one actor wrote.
#[derive(Clone, Debug)]
pub struct ActorLog {
    /// The file's, without its ending.
    name: String,
    /// By line.
    entries: Vec<(usize, Entry)>,
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
        let mut actors = Vec::new();
        for path in &paths {
            actors.extend(ActorLog::read(path)?);
        }
        Ok(Self { actors })
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
        let times = (1..).map(|number| number * 1_000);
        Self::forged_at(name, times.zip(events))
    }

    /// A file that no run wrote, with its times in microseconds.
    #[must_use]
    pub fn forged_at(name: &str, events: impl IntoIterator<Item = (u64, Event)>) -> Self {
        let entry = |(at, event)| Entry {
            at,
            who: None,
            event,
        };
        Self {
            name: name.to_owned(),
            entries: (1..).zip(events.into_iter().map(entry)).collect(),
        }
    }

    /// Everybody who wrote to a file.
    fn read(path: &Path) -> Result<impl Iterator<Item = Self>> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.file_stem().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        let mut authors: BTreeMap<Option<u32>, Vec<(usize, Entry)>> = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines()) {
            let entry: Entry = serde_json::from_str(line)
                .with_context(|| format!("{}:{number} is no event", path.display()))?;
            authors.entry(entry.who).or_default().push((number, entry));
        }
        Ok(authors.into_values().map(move |entries| Self {
            name: name.clone(),
            entries,
        }))
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its events with their places.
    pub fn events(&self) -> impl Iterator<Item = (Place, &Entry)> {
        self.entries.iter().map(|(line, entry)| {
            let place = Place {
                actor: self.name.clone(),
                line: *line,
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::Logbook;
    use super::*;

    #[test]
    fn those_who_share_a_file_are_told_apart_and_keep_its_lines() {
        let directory = tempfile::tempdir().unwrap();
        let logbook = Logbook::create(directory.path()).unwrap();
        let file = logbook.actor("crowd").unwrap();
        for who in [0, 1, 0] {
            file.of(who).record(Event::Stopped);
        }
        logbook.finish().unwrap();
        let logs = Logs::read(directory.path()).unwrap();
        let lines = |actor: &ActorLog| {
            let places = actor.events().map(|(place, _)| place.to_string());
            places.collect::<Vec<_>>()
        };
        let lines: Vec<_> = logs.actors().iter().map(lines).collect();
        let expected = [
            vec!["crowd.jsonl:1", "crowd.jsonl:3"],
            vec!["crowd.jsonl:2"],
        ];
        assert_eq!(lines, expected);
    }
}
