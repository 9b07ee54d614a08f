//! What the suite found.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// The verdicts on one server, by case.
#[derive(Debug)]
pub(super) struct Report(BTreeMap<String, Verdict>);

/// What the suite says of one case: on the messages, and on how the connection was closed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    behavior: String,
    behavior_close: String,
    reportfile: String,
}

// === impl Report ===

impl Report {
    /// Reads the index of the reports in `folder`.
    pub(super) fn read(folder: &Path, agent: &str) -> Result<Self> {
        let index = folder.join("index.json");
        let text = fs::read_to_string(&index)
            .with_context(|| format!("the suite made no {}", index.display()))?;
        Self::parse(&text, agent)
    }

    /// Fails if a case failed, or if a group was not run at all.
    pub(super) fn check(&self, groups: &[&str]) -> Result<()> {
        for group in groups {
            let prefix = format!("{group}.");
            anyhow::ensure!(
                self.0.keys().any(|case| case.starts_with(&prefix)),
                "the suite ran no case of group {group}"
            );
        }
        let failures = self.failures().count();
        anyhow::ensure!(
            failures == 0,
            "{failures} of {} cases failed; the reports are in target/autobahn/reports",
            self.0.len()
        );
        Ok(())
    }

    fn parse(index: &str, agent: &str) -> Result<Self> {
        let mut agents: BTreeMap<String, BTreeMap<String, Verdict>> =
            serde_json::from_str(index).context("the suite's index is not as expected")?;
        let cases = agents
            .remove(agent)
            .context("the suite's index lacks our server")?;
        Ok(Self(cases))
    }

    fn failures(&self) -> impl Iterator<Item = (&String, &Verdict)> {
        self.0.iter().filter(|(_, verdict)| !verdict.is_fine())
    }
}

impl fmt::Display for Report {
    /// The count of each verdict, then a line for each failure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = BTreeMap::<&str, usize>::new();
        for verdict in self.0.values() {
            *counts.entry(verdict.summary()).or_default() += 1;
        }
        write!(f, "{} cases:", self.0.len())?;
        for (behavior, count) in counts {
            write!(f, " {count} {behavior}")?;
        }
        for (case, verdict) in self.failures() {
            let Verdict {
                behavior,
                behavior_close,
                reportfile,
            } = verdict;
            write!(
                f,
                "\ncase {case}: {behavior}, closing {behavior_close} ({reportfile})"
            )?;
        }
        Ok(())
    }
}

// === impl Verdict ===

impl Verdict {
    /// Non-strict is what the standard allows though the suite would like it otherwise.
    fn is_fine(&self) -> bool {
        [&self.behavior, &self.behavior_close]
            .into_iter()
            .all(|behavior| matches!(behavior.as_str(), "OK" | "INFORMATIONAL" | "NON-STRICT"))
    }

    /// The verdict to count a case under.
    fn summary(&self) -> &str {
        match (self.behavior.as_str(), self.behavior_close.as_str()) {
            _ if !self.is_fine() => "failed",
            ("OK", closing) => closing,
            (behavior, _) => behavior,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn report(behavior: &str, closing: &str) -> Report {
        let index = format!(
            r#"{{"fanline": {{"1.1.1": {{
                "behavior": "{behavior}", "behaviorClose": "{closing}", "duration": 1,
                "remoteCloseCode": null, "reportfile": "1_1_1.json"
            }}}}}}"#
        );
        Report::parse(&index, "fanline").unwrap()
    }

    #[test]
    fn a_case_fails_by_its_messages_or_by_its_close() {
        for fine in ["OK", "INFORMATIONAL", "NON-STRICT"] {
            assert!(report(fine, "OK").check(&["1"]).is_ok());
        }
        for (behavior, closing) in [("FAILED", "OK"), ("OK", "UNCLEAN"), ("UNIMPLEMENTED", "OK")] {
            let report = report(behavior, closing);
            assert!(report.check(&["1"]).is_err());
            assert!(report.to_string().contains("case 1.1.1"));
        }
    }

    #[test]
    fn a_group_that_was_not_run_is_a_failure() {
        assert!(report("OK", "OK").check(&["1", "2"]).is_err());
    }
}
