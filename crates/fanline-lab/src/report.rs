//! What came of a run: for people (`report.txt`, `report.html`) and for programs (`report.json`).
//!
//! Everything in it follows from the logs and from `run.json`, so that `fanline-lab check` makes the same report
//! again. It must never be kinder than the checker.

mod about;
mod chart;
mod figures;
mod html;
mod text;
mod timeline;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Serialize;

pub use about::About;
pub use figures::Figures;
pub use timeline::{Moment, Timeline};

use crate::checker::Checked;
use crate::log::Logs;

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was run, and how to run it again.
    pub about: About,
    /// Where everything is.
    pub directory: PathBuf,
    /// Every promise.
    pub checked: Vec<Checked>,
    /// Counts and times.
    pub figures: Figures,
    /// What happened when.
    pub timeline: Timeline,
}

/// Makes the report and writes it beside the logs.
pub fn write(directory: &Path, about: About, logs: &Logs, checked: Vec<Checked>) -> Result<Report> {
    let timeline = Timeline::of(logs);
    let report = Report {
        about,
        directory: directory.to_owned(),
        checked,
        figures: Figures::of(logs, &timeline),
        timeline,
    };
    let files = [
        ("report.txt", report.to_string()),
        ("report.html", html::page(&report, logs)),
        ("report.json", serde_json::to_string_pretty(&report)?),
    ];
    for (name, content) in files {
        let path = directory.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(report)
}

// === impl Report ===

impl Report {
    /// Whether every promise held.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.checked
            .iter()
            .all(|checked| checked.violations.is_empty())
    }
}
