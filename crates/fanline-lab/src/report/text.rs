//! The report for a terminal.

use std::fmt;

use super::Report;

/// How many violations of one promise are shown; all are in `report.json`.
const SHOWN: usize = 5;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let about = &self.about;
        writeln!(f, "{}: {}", about.scenario, about.does)?;
        writeln!(f, "  seed      {}", about.seed)?;
        writeln!(
            f,
            "  versions  {}; {}; Linux {}",
            about.fanline, about.redis, about.kernel
        )?;
        writeln!(f, "  logs      {}", self.directory.display())?;
        writeln!(f, "  replay    {}", about.replay)?;

        writeln!(f, "timeline")?;
        for moment in &self.timeline.moments {
            let (seconds, millis) = (moment.at / 1_000_000, moment.at / 1_000 % 1_000);
            writeln!(f, "  {seconds:>4}.{millis:03} s  {}", moment.text)?;
        }

        let figures = &self.figures;
        writeln!(f, "figures")?;
        writeln!(
            f,
            "  publishes {} sent, {} acknowledged, {} refused, {} unknown; slowest answer {} ms",
            figures.attempts,
            figures.acked,
            figures.refused,
            figures.unknown,
            figures.slowest_answer
        )?;
        writeln!(
            f,
            "  deliveries {}; slowest resume {} ms",
            figures.delivered, figures.slowest_resume
        )?;
        for (kind, outage) in &figures.longest_outage {
            writeln!(
                f,
                "  {kind}: after the fault, at most {outage} ms without an acknowledgement in any channel"
            )?;
        }
        let told = figures
            .told
            .iter()
            .map(|(verdict, count)| format!("{count} {verdict}"));
        writeln!(f, "  told      {}", told.collect::<Vec<_>>().join(", "))?;
        let lost = figures
            .declared_lost
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"));
        let lost = lost.collect::<Vec<_>>().join(", ");
        let lost = if lost.is_empty() { "none" } else { &lost };
        writeln!(f, "  acknowledged and declared lost: {lost}")?;

        writeln!(f, "promises")?;
        for checked in &self.checked {
            let verdict = match checked.violations.len() {
                0 if checked.looked_at == 0 => "not tested".to_owned(),
                0 => "held".to_owned(),
                count => format!("BROKEN {count} times"),
            };
            writeln!(
                f,
                "  {} {verdict} ({} looks): {}",
                checked.code, checked.looked_at, checked.promise
            )?;
            for note in &checked.notes {
                writeln!(f, "       {note}")?;
            }
            for violation in checked.violations.iter().take(SHOWN) {
                writeln!(f, "       {violation}")?;
            }
            if checked.violations.len() > SHOWN {
                writeln!(f, "       and {} more", checked.violations.len() - SHOWN)?;
            }
        }
        let verdict = if self.is_good() {
            "every promise held"
        } else {
            "PROMISES WERE BROKEN"
        };
        writeln!(f, "{verdict}")
    }
}
