//! What is wrong with a file of apps, where, and what to do about it. Never a value: it may be a secret
//! that somebody wrote where a hash belongs.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why a file of apps does not come into force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It cannot be read.
    #[error(
        "the file of apps {path} cannot be read: {error}; name it in `store.path`, and let this user read \
         it. `fanline apps new` prints one to begin with"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: String,
    },
    /// It says something that makes no sense.
    #[error("{path}, line {line}: {problem}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line; of a table's fault its first one.
        line: usize,
        /// What, and what would make sense.
        problem: String,
    },
}

/// A fault in the text, before anybody counted lines.
#[derive(Debug)]
pub(super) struct Fault {
    at: Range<usize>,
    problem: String,
}

// === impl Fault ===

impl Fault {
    pub(super) fn new(at: Range<usize>, problem: impl Into<String>) -> Self {
        Self {
            at,
            problem: problem.into(),
        }
    }

    pub(super) fn of(self, path: &Path, text: &str) -> Refusal {
        let before = text.as_bytes().get(..self.at.start);
        let ends = before.map_or(0, |before| before.iter().filter(|b| **b == b'\n').count());
        Refusal::Invalid {
            path: path.to_owned(),
            line: ends + 1,
            problem: self.problem,
        }
    }
}

impl From<toml::de::Error> for Fault {
    fn from(error: toml::de::Error) -> Self {
        Self::new(
            error.span().unwrap_or_default(),
            without_texts(error.message()),
        )
    }
}

/// Serde repeats a text that stands in the wrong place.
fn without_texts(message: &str) -> String {
    const FOUND: &str = "string \"";
    match (message.find(FOUND), message.rfind("\", expected")) {
        (Some(start), Some(end)) if start + FOUND.len() <= end => {
            format!("{}a text{}", &message[..start], &message[end + 1..])
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_in_the_wrong_place_is_not_repeated() {
        assert_eq!(
            without_texts("invalid type: string \"hunter2\", expected a sequence"),
            "invalid type: a text, expected a sequence"
        );
        assert_eq!(
            without_texts("invalid type: string \"a\", expected b\", expected a map"),
            "invalid type: a text, expected a map"
        );
        assert_eq!(
            without_texts("missing field `name`"),
            "missing field `name`"
        );
    }

    #[test]
    fn a_fault_is_told_with_its_line() {
        let text = "one\ntwo\nthree";
        for (at, line) in [(0, 1), (3, 1), (4, 2), (8, 3), (99, 1)] {
            let refusal = Fault::new(at..at, "x").of(Path::new("apps.toml"), text);
            assert_eq!(refusal.to_string(), format!("apps.toml, line {line}: x"));
        }
    }
}
