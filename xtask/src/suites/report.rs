//! The account at the end of a run: minutes of each suite, reasons, and one closing line.

use std::{fmt::Write as _, time::Duration};

use anyhow::Result;

use crate::Outcome;

/// What one suite came to, once its error has been printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    Skipped,
}

/// The lines so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    name: &'static str,
    verdict: Verdict,
    reason: String,
    took: Duration,
    budget: Duration,
}

// === impl Report ===

impl Report {
    /// Adds a suite's line. A failure is printed at once too, where its output ends.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        took: Duration,
        budget: Duration,
        result: Result<Outcome>,
    ) -> Verdict {
        let (verdict, reason) = match result {
            Ok(Outcome::Passed) => (Verdict::Passed, String::new()),
            Ok(Outcome::Skipped(reason)) => (Verdict::Skipped, reason),
            Err(error) => (Verdict::Failed, format!("{error:#}")),
        };
        match verdict {
            Verdict::Passed => {}
            Verdict::Failed => eprintln!("FAILED {name}: {reason}"),
            Verdict::Skipped => println!("skipped {name}: {reason}"),
        }
        self.lines.push(Line {
            name,
            verdict,
            reason,
            took,
            budget,
        });
        verdict
    }

    /// Whether a suite of this name ran and failed.
    pub(super) fn failed(&self, name: &str) -> bool {
        self.lines
            .iter()
            .any(|line| line.name == name && line.verdict == Verdict::Failed)
    }

    /// Whether nothing failed and something ran.
    pub(super) fn is_good(&self) -> bool {
        self.count(Verdict::Failed) == 0 && self.count(Verdict::Passed) > 0
    }

    /// Prints the table and the closing line.
    pub(super) fn print(&self) {
        print!("{}", self.render());
    }

    fn render(&self) -> String {
        let mut text = String::from("\nsuite            minutes   budget\n");
        let mut total = Duration::ZERO;
        for line in &self.lines {
            total += line.took;
            let verdict = match line.verdict {
                Verdict::Passed => "passed".to_owned(),
                Verdict::Failed => format!("FAILED: {}", line.reason),
                Verdict::Skipped => format!("skipped: {}", line.reason),
            };
            let _ = writeln!(
                text,
                "{:<14} {:>9.1} {:>8.0}   {verdict}",
                line.name,
                in_minutes(line.took),
                in_minutes(line.budget),
            );
        }
        let _ = writeln!(text, "{:<14} {:>9.1}\n", "in all", in_minutes(total));
        let _ = writeln!(
            text,
            "{} passed, {} failed, {} skipped",
            self.count(Verdict::Passed),
            self.count(Verdict::Failed),
            self.count(Verdict::Skipped)
        );
        text
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.lines
            .iter()
            .filter(|line| line.verdict == verdict)
            .count()
    }
}

fn in_minutes(duration: Duration) -> f64 {
    duration.as_secs_f64() / 60.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(results: Vec<Result<Outcome>>) -> Report {
        let mut report = Report::default();
        for result in results {
            report.add(
                "x",
                Duration::from_secs(90),
                Duration::from_secs(300),
                result,
            );
        }
        report
    }

    #[test]
    fn the_last_line_counts_and_each_suite_has_its_minutes() {
        let report = report(vec![
            Ok(Outcome::Passed),
            Ok(Outcome::Skipped("no Python 2.7".to_owned())),
            Err(anyhow::anyhow!("broken")),
        ]);
        let text = report.render();
        assert_eq!(text.lines().last(), Some("1 passed, 1 failed, 1 skipped"));
        assert!(text.contains("1.5"), "{text}");
        assert!(text.contains("skipped: no Python 2.7"), "{text}");
        assert!(text.contains("FAILED: broken"), "{text}");
        assert!(report.failed("x"));
        assert!(!report.is_good());
    }

    #[test]
    fn a_skip_is_no_failure_and_nothing_at_all_is_no_success() {
        let skip = || Ok(Outcome::Skipped("not here".to_owned()));
        assert!(report(vec![Ok(Outcome::Passed), skip()]).is_good());
        assert!(!report(vec![skip()]).is_good());
        assert!(!report(vec![]).is_good());
    }
}
