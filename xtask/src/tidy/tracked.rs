//! What git tracks: its text, its length, and the words that must not be in it.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::Violation;
use crate::repository::Repository;

/// A Rust file longer than this probably has two subjects.
const LONG: usize = 700;

/// A tracked text file.
#[derive(Clone, Debug)]
pub(crate) struct Tracked {
    /// Relative to the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Reads every tracked file that is text. One that is tracked and deleted is passed over.
pub(crate) fn read(repository: &Repository) -> Result<Vec<Tracked>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(repository.root())
        .output()
        .context("cannot run git ls-files")?;
    anyhow::ensure!(
        output.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let names = String::from_utf8(output.stdout).context("a tracked name is not UTF-8")?;

    let mut files = Vec::new();
    for path in names.split_terminator('\0') {
        let Ok(bytes) = std::fs::read(repository.root().join(path)) else {
            continue;
        };
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(Tracked {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}

/// Refuses names that mean something only to whoever wrote the file: the hosts of package
/// registries (a lock file records them unasked) and paths of one machine.
pub(crate) fn check(file: &Tracked) -> Vec<Violation> {
    let words = banned_words();
    let mut violations = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for (word, cure) in &words {
            if line.contains(word.as_str()) {
                violations.push(Violation::at(
                    &file.path,
                    index + 1,
                    format!("names `{word}`"),
                    *cure,
                ));
            }
        }
    }
    violations
}

/// One line for each Rust file that deserves a second look.
pub(crate) fn long_files(files: &[Tracked]) -> Vec<String> {
    files
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .filter_map(|file| {
            let lines = file.text.lines().count();
            (lines > LONG)
                .then(|| format!("{}: {lines} lines; does it have one subject?", file.path))
        })
        .collect()
}

/// Put together here, so that this file does not hold them.
fn banned_words() -> Vec<(String, &'static str)> {
    const LOCK: &str =
        "remove it; in a lock of npm by `npm install` with the .npmrc that stands beside it";
    const MACHINE: &str = "say it so that it is true on every machine";
    [
        (["registry.", "npmjs.org"], LOCK),
        (["registry.", "yarnpkg.com"], LOCK),
        (["files.", "pythonhosted.org"], LOCK),
        (["pypi.", "org/simple"], LOCK),
        (["static.", "crates.io"], LOCK),
        (["index.", "crates.io"], LOCK),
        (["deb.", "debian.org"], LOCK),
        (["proxy.", "golang.org"], LOCK),
        (["/work", "/main"], MACHINE),
        (["/work", "/shared"], MACHINE),
        (["../", "shared/"], MACHINE),
        (["/root", "/."], MACHINE),
    ]
    .into_iter()
    .map(|(parts, cure)| (parts.concat(), cure))
    .collect()
}

// === impl Tracked ===

#[cfg(test)]
impl Tracked {
    /// A file as a test forges it.
    pub(crate) fn forged(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_banned_word_is_found_on_its_line() {
        for (word, _) in banned_words() {
            let file = Tracked::forged("docs/x.md", &format!("fine\nsee {word}\n"));
            let found = check(&file);
            assert_eq!(found.len(), 1, "{word}");
            assert_eq!(found[0].line, Some(2));
        }
        assert_eq!(
            check(&Tracked::forged("docs/x.md", "nothing special\n")),
            []
        );
    }

    #[test]
    fn only_a_long_rust_file_is_warned_about() {
        let long = "\n".repeat(LONG + 1);
        let files = [
            Tracked::forged("a.rs", &long),
            Tracked::forged("b.rs", "fn main() {}\n"),
            Tracked::forged("c.json", &long),
        ];
        let warnings = long_files(&files);
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("a.rs"));
    }
}
