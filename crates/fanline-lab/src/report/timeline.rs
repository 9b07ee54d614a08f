//! What the stage did, and when.

use serde::Serialize;

use crate::log::{Event, Logs};

/// What happened when.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timeline {
    /// In order.
    pub moments: Vec<Moment>,
    /// From when to when each fault lasted, in microseconds.
    pub faults: Vec<(u64, u64, String)>,
    /// When the last line of any actor was written.
    pub end: u64,
}

/// A line of the timeline.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    /// Microseconds since the run began.
    pub at: u64,
    /// What.
    pub text: String,
}

// === impl Timeline ===

impl Timeline {
    pub(super) fn of(logs: &Logs) -> Self {
        let mut timeline = Self::default();
        for (_, entry) in logs.events() {
            let at = entry.at;
            timeline.end = timeline.end.max(at);
            let text = match &entry.event {
                Event::Phase { name } => name.clone(),
                Event::FaultBegins { what } => {
                    timeline.faults.push((at, u64::MAX, what.clone()));
                    format!("begins: {what}")
                }
                Event::FaultEnds { what } => {
                    let open = timeline
                        .faults
                        .iter_mut()
                        .rev()
                        .find(|fault| fault.2 == *what);
                    if let Some(fault) = open {
                        fault.1 = at;
                    }
                    format!("ends: {what}")
                }
                Event::Note { text } => text.clone(),
                Event::StoodStill { millis } => {
                    format!("the lab itself stood still for {millis} ms")
                }
                Event::NotQuiet { why } => format!("not quiet: {why}"),
                _ => continue,
            };
            timeline.moments.push(Moment { at, text });
        }
        timeline.moments.sort_by_key(|moment| moment.at);
        for fault in &mut timeline.faults {
            fault.1 = fault.1.min(timeline.end);
        }
        timeline
    }
}
