//! The reference as a page of the documentation: `docs/configuration.md` is made from it.

use std::fmt::Write as _;

use super::DEFAULTS;

/// The page. `fanline config doc` prints it, `cargo xtask regen` commits it.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from("# Configuration\n\n");
    let mut comment = Vec::new();
    let mut section = String::new();
    let mut seen_key = false;
    for line in DEFAULTS.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push(text.strip_prefix(' ').unwrap_or(text));
        } else if line.is_empty() {
            // The comment that opens the file stands for itself.
            if !comment.is_empty() && !seen_key {
                paragraphs(&mut page, &comment);
                comment.clear();
            }
        } else if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = format!("{name}.");
            let _ = write!(page, "## `[{name}]`\n\n");
        } else if let Some((key, value)) = line.split_once(" = ") {
            seen_key = true;
            let variable = format!("{section}{key}")
                .replace('.', "_")
                .to_ascii_uppercase();
            let _ = write!(
                page,
                "### `{section}{key}`\n\nDefault `{value}`; in the environment `FANLINE_{variable}`.\n\n"
            );
            paragraphs(&mut page, &comment);
            comment.clear();
        }
    }
    page.push_str(
        "---\n\nMade from `crates/fanline-server/src/config.default.toml` by `cargo xtask regen`.\n",
    );
    page
}

/// Lines of a comment, an empty one between two paragraphs.
fn paragraphs(page: &mut String, comment: &[&str]) {
    for line in comment {
        page.push_str(line);
        page.push('\n');
    }
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_heading_default_variable_and_text() {
        let page = markdown();
        for part in [
            "# Configuration\n\nFanline's configuration, complete",
            "### `data_dir`\n\nDefault `\"./fanline-data\"`; in the environment `FANLINE_DATA_DIR`.\n\nWhere",
            "## `[public]`\n\n### `public.listen`\n\n",
            "`FANLINE_SECRETS_HASH_KEY`",
        ] {
            assert!(page.contains(part), "{part} is missing:\n{page}");
        }
        let keys = DEFAULTS
            .lines()
            .filter(|line| line.contains(" = ") && !line.starts_with('#'));
        assert_eq!(page.matches("\n### ").count(), keys.count());
    }
}
