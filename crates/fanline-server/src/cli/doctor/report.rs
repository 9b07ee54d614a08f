//! The report: for people a line each, what is worst marked; for scripts one object.

use std::io;

use serde_json::{Value, json};

use crate::{
    cli::{Output, say},
    wire::redis::{Finding, Verdict},
};

/// More servers than this are counted rather than named.
const NAMED: usize = 3;

/// What the doctor has found.
pub(super) struct Report(pub(super) Vec<Finding>);

// === impl Report ===

impl Report {
    pub(super) fn write(&self, output: Output) -> io::Result<()> {
        match output {
            Output::Text => say(self.text()),
            Output::Json => say(self.json()),
        }
    }

    pub(super) fn count(&self, verdict: Verdict) -> usize {
        let of = self.0.iter().filter(|finding| finding.verdict == verdict);
        of.count()
    }

    fn text(&self) -> String {
        let lines: String = self.0.iter().map(line).collect();
        let [ok, warnings, failed] =
            [Verdict::Ok, Verdict::Warning, Verdict::Failed].map(|verdict| self.count(verdict));
        format!("{lines}\n{ok} ok, {warnings} to think about, {failed} failed")
    }

    fn json(&self) -> Value {
        let findings = self.0.iter().map(|finding| {
            json!({
                "check": finding.check,
                "verdict": word(finding.verdict),
                "found": finding.found,
                "servers": finding.servers,
                "advice": finding.advice,
            })
        });
        json!({
            "ok": self.count(Verdict::Failed) == 0,
            "findings": findings.collect::<Vec<_>>(),
        })
    }
}

fn line(finding: &Finding) -> String {
    let servers = match &finding.servers[..] {
        [] => String::new(),
        few if few.len() <= NAMED => format!(" ({})", few.join(", ")),
        many => format!(" ({} servers)", many.len()),
    };
    let Finding { check, found, .. } = finding;
    let verdict = word(finding.verdict);
    let advice = match &finding.advice {
        Some(advice) => format!("{:8}  {:16}-> {advice}\n", "", ""),
        None => String::new(),
    };
    format!("{verdict:8}  {check:16}{found}{servers}\n{advice}")
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(verdict: Verdict, servers: usize) -> Finding {
        Finding {
            check: "eviction",
            verdict,
            found: "allkeys-lru".to_owned(),
            servers: (1..=servers).map(|n| format!("r{n}:6379")).collect(),
            advice: (verdict != Verdict::Ok).then(|| "set it".to_owned()),
        }
    }

    #[test]
    fn people_read_verdict_subject_finding_and_what_to_do() {
        let report = Report(vec![finding(Verdict::Ok, 6), finding(Verdict::Failed, 2)]);
        assert_eq!(
            report.text(),
            "ok        eviction        allkeys-lru (6 servers)\n\
             failed    eviction        allkeys-lru (r1:6379, r2:6379)\n\
             \x20                         -> set it\n\
             \n1 ok, 0 to think about, 1 failed"
        );
    }

    #[test]
    fn scripts_get_one_object_that_says_whether_all_is_well() {
        let report = Report(vec![finding(Verdict::Warning, 1)]);
        assert_eq!(
            report.json(),
            json!({"ok": true, "findings": [{
                "check": "eviction", "verdict": "warning", "found": "allkeys-lru",
                "servers": ["r1:6379"], "advice": "set it",
            }]})
        );
    }
}
