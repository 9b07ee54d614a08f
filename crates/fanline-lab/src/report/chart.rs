//! The picture: how much was published and delivered, and what every subscriber was told, over time, with the
//! faults behind it.

use std::fmt::Write as _;

use super::Timeline;
use super::figures::verdict;
use super::html::escape;
use crate::log::{Answer, Continuity, Event, Logs};

/// Of the picture, in its own units.
const WIDTH: f64 = 1_000.0;
const LEFT: f64 = 110.0;
const PANEL: f64 = 90.0;
const GAP: f64 = 34.0;
const ROW: f64 = 11.0;
/// Microseconds of one bar.
const BUCKET: u64 = 250_000;

const ACKED: &str = "#2f6fde";
const OPEN: &str = "#d9480f";
const DELIVERED: &str = "#18794e";
const FAULT: &str = "#f3d9d6";

/// Times to places.
struct Axis {
    begin: u64,
    end: u64,
}

/// Draws it.
pub(super) fn draw(timeline: &Timeline, logs: &Logs) -> String {
    let axis = Axis::of(timeline, logs);
    let mut acked = Vec::new();
    let mut open = Vec::new();
    let mut delivered = Vec::new();
    for (_, entry) in logs.events() {
        match &entry.event {
            Event::PublishAnswer {
                answer: Answer::Acked { .. },
                ..
            } => acked.push(entry.at),
            Event::PublishAnswer { .. } => open.push(entry.at),
            Event::Message { .. } => delivered.push(entry.at),
            _ => {}
        }
    }
    let subscribers: Vec<_> = logs
        .actors()
        .iter()
        .filter(|actor| actor.name().starts_with("subscriber-"))
        .collect();
    let rows_at = GAP + 2.0 * (PANEL + GAP);
    #[expect(clippy::cast_precision_loss, reason = "tens of rows")]
    let height = rows_at + ROW * subscribers.len() as f64 + GAP;

    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">");
    for (begin, end, what) in &timeline.faults {
        let (x, width) = (axis.x(*begin), (axis.x(*end) - axis.x(*begin)).max(1.5));
        let _ = write!(
            svg,
            "<rect x=\"{x:.1}\" y=\"0\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{FAULT}\"><title>{}</title></rect>",
            height - GAP,
            escape(what)
        );
    }
    panel(
        &mut svg,
        &axis,
        GAP,
        "publishes/s",
        &[(&acked, ACKED), (&open, OPEN)],
    );
    panel(
        &mut svg,
        &axis,
        GAP + PANEL + GAP,
        "deliveries/s",
        &[(&delivered, DELIVERED)],
    );
    let _ = write!(
        svg,
        "<text x=\"{LEFT}\" y=\"{:.1}\">what subscribers were told: \
         <tspan fill=\"#9aa4af\">fresh</tspan>, <tspan fill=\"{DELIVERED}\">kept</tspan>, \
         <tspan fill=\"#b58900\">forked</tspan>, <tspan fill=\"#c4281c\">lost</tspan>; \
         a line: disconnected. Publishes: <tspan fill=\"{ACKED}\">acknowledged</tspan>, \
         <tspan fill=\"{OPEN}\">refused or unknown</tspan>. Shaded: the fault.</text>",
        rows_at - 8.0
    );
    let mut y = rows_at;
    for actor in subscribers {
        y += ROW;
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{:.1}\">{}</text>",
            y,
            escape(actor.name().trim_start_matches("subscriber-"))
        );
        for (_, entry) in actor.events() {
            mark(&mut svg, axis.x(entry.at), y - 3.5, &entry.event);
        }
    }
    seconds(&mut svg, &axis, height - GAP + 14.0);
    svg + "</svg>"
}

/// What a subscriber was told at a moment.
fn mark(svg: &mut String, x: f64, y: f64, event: &Event) {
    let (told, topic) = match event {
        Event::Subscribed { topic, verdict } | Event::Continuity { topic, verdict } => {
            (&verdict.continuity, topic)
        }
        Event::Disconnected { .. } => {
            let (top, bottom) = (y - 4.0, y + 4.0);
            let _ = write!(
                svg,
                "<path d=\"M{x:.1} {top:.1}V{bottom:.1}\" stroke=\"#8b949e\"/>"
            );
            return;
        }
        _ => return,
    };
    let colour = match told {
        Continuity::Fresh => "#9aa4af",
        Continuity::Kept => DELIVERED,
        Continuity::Forked { .. } => "#b58900",
        Continuity::Lost { .. } => "#c4281c",
    };
    let title = format!("{} on {topic}", verdict(told));
    let _ = write!(
        svg,
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.6\" fill=\"{colour}\"><title>{}</title></circle>",
        escape(&title)
    );
}

/// Bars of how often something happened, on one scale.
fn panel(svg: &mut String, axis: &Axis, top: f64, name: &str, series: &[(&Vec<u64>, &str)]) {
    let counted: Vec<_> = series
        .iter()
        .map(|(times, colour)| (axis.buckets(times), *colour))
        .collect();
    let most = counted
        .iter()
        .flat_map(|(buckets, _)| buckets)
        .copied()
        .max()
        .unwrap_or_default()
        .max(1);
    let bottom = top + PANEL;
    let a_second = f64::from(most) * 1_000_000.0 / bucket();
    let _ = write!(
        svg,
        "<text x=\"0\" y=\"{:.1}\">{name}</text><text x=\"0\" y=\"{:.1}\">at most {a_second:.0}</text>\
         <path d=\"M{LEFT} {bottom:.1}H{WIDTH}\" stroke=\"#d0d7de\"/>",
        top + 12.0,
        top + 28.0
    );
    for (buckets, colour) in counted {
        let mut path = String::new();
        for (number, count) in buckets.iter().enumerate() {
            let x = axis.x(axis.begin + BUCKET * number as u64);
            let y = bottom - PANEL * f64::from(*count) / f64::from(most);
            let _ = write!(path, "{}{x:.1} {y:.1}", if number == 0 { 'M' } else { 'L' });
        }
        let _ = write!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
        );
    }
}

fn seconds(svg: &mut String, axis: &Axis, y: f64) {
    let step = ((axis.end - axis.begin) / 10_000_000).max(1) * 1_000_000;
    let mut at = axis.begin.next_multiple_of(step);
    // The last one needs room for its text.
    while at + step / 2 <= axis.end {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{y:.1}\">{} s</text>",
            axis.x(at),
            at / 1_000_000
        );
        at += step;
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
const fn bucket() -> f64 {
    BUCKET as f64
}

// === impl Axis ===

impl Axis {
    /// From the first publish to the end.
    fn of(timeline: &Timeline, logs: &Logs) -> Self {
        let attempts = logs.events().filter_map(|(_, entry)| {
            matches!(entry.event, Event::PublishAttempt { .. }).then_some(entry.at)
        });
        let begin = attempts.min().unwrap_or_default();
        Self {
            begin,
            end: timeline.end.max(begin + 1),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn x(&self, at: u64) -> f64 {
        let part = at.saturating_sub(self.begin) as f64 / (self.end - self.begin) as f64;
        LEFT + (WIDTH - LEFT) * part.min(1.0)
    }

    fn buckets(&self, times: &[u64]) -> Vec<u32> {
        let count = usize::try_from((self.end - self.begin) / BUCKET + 1).unwrap_or_default();
        let mut buckets = vec![0; count];
        for at in times {
            let number =
                usize::try_from(at.saturating_sub(self.begin) / BUCKET).unwrap_or_default();
            if let Some(bucket) = buckets.get_mut(number) {
                *bucket += 1;
            }
        }
        buckets
    }
}
