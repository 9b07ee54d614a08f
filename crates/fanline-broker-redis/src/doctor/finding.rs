//! What a check has found.

use std::collections::BTreeMap;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Warning,
    /// It does not work.
    Failed,
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at, in a word or two.
    pub check: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// The servers of which that is so; none where it is about the whole.
    pub servers: Vec<String>,
    /// What to do about it.
    pub advice: Option<String>,
}

/// What one server's answer means, before equal ones are put together.
pub(super) type Judgement = (Verdict, String, Option<String>);

// === impl Finding ===

impl Finding {
    pub(super) fn of_all(check: &'static str, (verdict, found, advice): Judgement) -> Self {
        Self {
            check,
            verdict,
            found,
            servers: Vec::new(),
            advice,
        }
    }

    /// One line for all servers of which the same is to be said; the worst ones come last, where they are read.
    pub(super) fn gather(
        check: &'static str,
        judged: impl IntoIterator<Item = (String, Judgement)>,
    ) -> Vec<Self> {
        let mut servers: BTreeMap<Judgement, Vec<String>> = BTreeMap::new();
        for (server, judgement) in judged {
            servers.entry(judgement).or_default().push(server);
        }
        let findings = servers.into_iter().map(|(judgement, servers)| Self {
            servers,
            ..Self::of_all(check, judgement)
        });
        findings.collect()
    }
}

pub(super) fn ok(found: impl Into<String>) -> Judgement {
    (Verdict::Ok, found.into(), None)
}

pub(super) fn warning(found: impl Into<String>, advice: impl Into<String>) -> Judgement {
    (Verdict::Warning, found.into(), Some(advice.into()))
}

pub(super) fn failed(found: impl Into<String>, advice: impl Into<String>) -> Judgement {
    (Verdict::Failed, found.into(), Some(advice.into()))
}
