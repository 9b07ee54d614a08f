//! The list of scenarios in `docs/lab.md`, made from the scenarios themselves.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::scenario;

const BEGINS: &str = "<!-- The list: made by `cargo xtask regen`, do not edit. -->\n";
const ENDS: &str = "<!-- The end of the list. -->\n";

/// The page with the list of now.
pub fn with_list(page: &str) -> Result<String> {
    let (before, rest) = page.split_once(BEGINS).context("the list does not begin")?;
    let (_, after) = rest.split_once(ENDS).context("the list does not end")?;
    Ok(format!("{before}{BEGINS}{}{ENDS}{after}", list()))
}

/// Brings the list of a page up to date.
pub fn update(path: &Path) -> Result<()> {
    let at = || path.display().to_string();
    let page = fs::read_to_string(path).with_context(at)?;
    let page = with_list(&page).with_context(at)?;
    fs::write(path, page).with_context(at)
}

fn list() -> String {
    let mut list =
        "\n| scenario | what it does, and what must come of it |\n|---|---|\n".to_owned();
    for scenario in scenario::all() {
        // A string takes whatever is written to it.
        let _ = writeln!(list, "| `{}` | {} |", scenario.name(), scenario.about());
    }
    list.push('\n');
    list
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_lists_every_scenario() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lab.md");
        let page = fs::read_to_string(path).unwrap();
        let is_up_to_date = with_list(&page).unwrap() == page;
        assert!(
            is_up_to_date,
            "docs/lab.md is out of date: run `cargo xtask regen`"
        );
    }

    #[test]
    fn only_the_list_of_a_page_is_made() {
        let page = format!("before\n{BEGINS}a former list\n{ENDS}after\n");
        let made = with_list(&page).unwrap();
        assert!(made.starts_with("before\n") && made.ends_with("after\n"));
        assert!(made.contains("| `quiet` |") && !made.contains("former"));
        assert!(with_list("no list").is_err());
    }

    #[test]
    fn no_two_scenarios_have_one_name() {
        let mut names: Vec<_> = scenario::all().iter().map(|one| one.name()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
