//! The invariants of the house that a machine can check, from `cargo metadata`, the manifests and
//! the sources. Each violation says where it is and what cures it.
//!
//! A rule here must be able to fail: every one has a test with a forged input that it refuses.

mod dependencies;
mod levels;
mod manifests;
mod metadata;
mod rust_text;
mod sources;
mod tracked;

use std::fmt;

use anyhow::Result;

use crate::{Outcome, repository::Repository};

/// One broken rule, at one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    /// Relative to the repository's root.
    file: String,
    /// Counted from one; none where the whole file is meant.
    line: Option<usize>,
    problem: String,
    cure: String,
}

/// Checks the whole repository, prints what it found, and fails if anything is broken.
pub(crate) fn run(repository: &Repository) -> Result<Outcome> {
    let packages = metadata::read(repository)?;
    let tracked = tracked::read(repository)?;

    let mut violations = levels::check(&packages);
    violations.extend(dependencies::check(&packages));
    for file in &tracked {
        violations.extend(manifests::check(file));
        violations.extend(sources::check(file));
        violations.extend(tracked::check(file));
    }
    violations.sort();

    for long in tracked::long_files(&tracked) {
        println!("warning: {long}");
    }
    for violation in &violations {
        eprintln!("error: {violation}");
    }
    anyhow::ensure!(
        violations.is_empty(),
        "{} broken rule(s); docs/ARCHITECTURE.md says why each rule exists",
        violations.len()
    );
    println!("tidy: {} packages, {} files", packages.len(), tracked.len());
    Ok(Outcome::Passed)
}

// === impl Violation ===

impl Violation {
    fn in_file(
        file: impl Into<String>,
        problem: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self {
            file: file.into(),
            line: None,
            problem: problem.into(),
            cure: cure.into(),
        }
    }

    fn at(file: &str, line: usize, problem: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::in_file(file, problem, cure)
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}\n    cure: {}", self.problem, self.cure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_says_where_what_and_how_to_cure_it() {
        let violation = Violation::at("crates/a/src/b.rs", 7, "reads the clock", "take a Clock");
        assert_eq!(
            violation.to_string(),
            "crates/a/src/b.rs:7: reads the clock\n    cure: take a Clock"
        );
    }
}
