//! What every manifest of the workspace says: lints and versions come from the root.

use super::{Violation, tracked::Tracked};

/// Checks a member's `Cargo.toml`; any other file passes.
pub(crate) fn check(file: &Tracked) -> Vec<Violation> {
    if !is_member_manifest(&file.path) {
        return Vec::new();
    }
    let manifest: toml::Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(error) => {
            return vec![Violation::in_file(
                &file.path,
                format!("cannot be read: {error}"),
                "correct it",
            )];
        }
    };

    let mut violations = Vec::new();
    if !inherits(manifest.get("lints")) {
        violations.push(Violation::in_file(
            &file.path,
            "does not take the workspace's lints",
            "add `[lints]` with `workspace = true`",
        ));
    }
    for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(dependencies) = manifest.get(table).and_then(toml::Value::as_table) else {
            continue;
        };
        for (name, dependency) in dependencies {
            if !inherits(Some(dependency)) {
                violations.push(Violation::in_file(
                    &file.path,
                    format!("names its own version of {name}"),
                    format!(
                        "put the version into the root's [workspace.dependencies] and write \
                         `{name}.workspace = true`"
                    ),
                ));
            }
        }
    }
    violations
}

/// The fuzz targets are a workspace of their own, as cargo-fuzz wants it.
fn is_member_manifest(path: &str) -> bool {
    path.ends_with("/Cargo.toml") && (path.starts_with("crates/") || path.starts_with("xtask/"))
}

fn inherits(value: Option<&toml::Value>) -> bool {
    value
        .and_then(|value| value.get("workspace"))
        .and_then(toml::Value::as_bool)
        == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> usize {
        check(&Tracked::forged("crates/fanline-model/Cargo.toml", text)).len()
    }

    #[test]
    fn a_manifest_takes_lints_and_versions_from_the_root() {
        let good = "[lints]\nworkspace = true\n[dependencies]\nbytes.workspace = true\n";
        assert_eq!(problems(good), 0);
        assert_eq!(problems("[dependencies]\nbytes.workspace = true\n"), 1);
        assert_eq!(
            problems("[lints]\nworkspace = true\n[dependencies]\nbytes = \"1\"\n"),
            1
        );
        assert_eq!(
            problems("[lints]\nworkspace = true\n[dev-dependencies]\nbytes = { version = \"1\" }"),
            1
        );
    }

    #[test]
    fn a_manifest_that_cannot_be_read_is_a_violation() {
        assert_eq!(problems("[lints"), 1);
    }
}
