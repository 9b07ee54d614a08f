//! L2: what the scenario bounds does not take longer.
//!
//! A limit names a measure and a fault; each measure is taken as its file beside this one says, from the times that
//! the actors wrote. Where nothing was measured the limit was not kept. A machine that let the lab itself stand still
//! meanwhile excuses nothing, but it is said, since such a run is worth a repetition.

mod answer;
mod arrival;
mod notice;
mod returning;

use super::Verdicts;
use crate::log::{Event, Limit, Logs, Measure, Place};

/// One time that was taken.
#[derive(Clone, Debug)]
struct Taken {
    /// Microseconds; `None` if it never ended.
    micros: Option<u64>,
    /// Of whom or what.
    of: String,
    places: Vec<Place>,
}

/// From when to when a fault lasted.
#[derive(Clone, Copy, Debug)]
struct Window {
    begin: u64,
    end: u64,
}

pub(super) fn check(logs: &Logs) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (place, entry) in logs.events() {
        if let Event::Limit(limit) = &entry.event {
            judge(&mut verdicts, logs, &place, limit);
        }
    }
    verdicts
}

fn judge(verdicts: &mut Verdicts, logs: &Logs, place: &Place, limit: &Limit) {
    let windows = windows(logs, &limit.during);
    let mut taken: Vec<Taken> = windows
        .iter()
        .flat_map(|window| match limit.measure {
            Measure::Notice => notice::take(logs, *window),
            Measure::Answer => answer::take(logs, *window),
            Measure::Arrival => arrival::take(logs, *window),
            Measure::Return => returning::take(logs, *window),
        })
        .collect();
    verdicts.looked_at += taken.len();
    let what = sentence(limit.measure);
    if taken.is_empty() {
        let during = &limit.during;
        return verdicts.violation(
            format!("{what}: nothing was measured during {during:?}"),
            [place],
        );
    }
    taken.sort_by_key(|one| one.micros.unwrap_or(u64::MAX));
    let judged = share(limit.measure, taken.len());
    let worst = taken.get(judged).and_then(|one| one.micros);
    let figure = worst.map_or_else(|| "never".to_owned(), in_millis);
    let bound = limit.at_most_ms;
    verdicts.notes.push(format!(
        "{what}: {figure}, of {} measured; at most {bound} ms",
        taken.len()
    ));
    let still = stood_still(logs, &windows);
    // Where a share may be late, the one that is judged stands for all.
    let first = match limit.measure {
        Measure::Return => judged,
        Measure::Notice | Measure::Answer | Measure::Arrival => 0,
    };
    for one in taken.get(first..=judged).unwrap_or_default() {
        if one.micros.is_some_and(|micros| micros <= bound * 1_000) {
            continue;
        }
        let took = one
            .micros
            .map_or_else(|| "it never ended".to_owned(), in_millis);
        let of = &one.of;
        verdicts.violation(
            format!("{what}: {of}: {took}; at most {bound} ms{still}"),
            &one.places,
        );
    }
}

fn sentence(measure: Measure) -> &'static str {
    match measure {
        Measure::Notice => "until a server noticed",
        Measure::Answer => "until a publish was answered",
        Measure::Arrival => "from an acknowledgement until a subscriber had the message",
        Measure::Return => "from a broken line to caught_up, 99 of 100",
    }
}

/// The place, among so many in order, of the one that is judged.
fn share(measure: Measure, count: usize) -> usize {
    match measure {
        Measure::Return => (count * 99).div_ceil(100).saturating_sub(1),
        Measure::Notice | Measure::Answer | Measure::Arrival => count.saturating_sub(1),
    }
}

fn in_millis(micros: u64) -> String {
    format!("{} ms", micros / 1_000)
}

/// When the faults of such a text lasted.
fn windows(logs: &Logs, during: &str) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut open = None;
    for (_, entry) in logs.events() {
        match &entry.event {
            Event::FaultBegins { what } if what.starts_with(during) => open = Some(entry.at),
            Event::FaultEnds { what } if what.starts_with(during) => {
                let end = entry.at;
                windows.extend(open.take().map(|begin| Window { begin, end }));
            }
            _ => {}
        }
    }
    windows
}

/// What is to be said of the machine.
fn stood_still(logs: &Logs, windows: &[Window]) -> String {
    let longest = logs
        .events()
        .filter(|(_, entry)| windows.iter().any(|window| window.holds(entry.at)))
        .filter_map(|(_, entry)| match entry.event {
            Event::StoodStill { millis } => Some(millis),
            _ => None,
        })
        .max();
    longest.map_or_else(String::new, |millis| {
        format!(" (the lab itself stood still for {millis} ms meanwhile: the machine is busy, repeat this)")
    })
}

// === impl Window ===

impl Window {
    fn holds(self, at: u64) -> bool {
        (self.begin..=self.end).contains(&at)
    }
}

#[cfg(test)]
mod tests;
