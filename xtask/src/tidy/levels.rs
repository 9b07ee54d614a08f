//! The levels of the house: every arrow between our crates points to a lower level.

use super::{Violation, metadata::Package};

/// The house, from the words of the domain up to the binary. A crate exists only where cargo must
/// refuse an import; a new one is given its row here and in docs/ARCHITECTURE.md.
const LEVELS: &[(&str, u8)] = &[
    ("fanline-model", 0),
    ("fanline-telemetry", 0),
    ("fanline-tenancy", 1),
    ("fanline-broker", 1),
    ("fanline-protocol", 2),
    ("fanline-broker-redis", 2),
    ("fanline-store", 2),
    ("fanline-engine", 3),
    ("fanline-protocol-native", 3),
    ("fanline-protocol-pusher", 3),
    ("fanline-control", 3),
    ("fanline-edge", 4),
    ("fanline-server", 5),
];

/// For development only: they may look at everything, and the product at none of them.
const DEVELOPMENT: &[&str] = &[
    "fanline-testkit",
    "fanline-e2e",
    "fanline-bench",
    "fanline-lab",
    "xtask",
];

const TABLE: &str = "xtask/src/tidy/levels.rs";

/// Every package has a row, every row a package, and every arrow goes down.
pub(crate) fn check(packages: &[Package]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (name, _) in LEVELS {
        if !packages.iter().any(|package| package.name == *name) {
            violations.push(Violation::in_file(
                TABLE,
                format!("{name} has a level and is no crate of the workspace"),
                "remove its row",
            ));
        }
    }
    for package in packages {
        violations.extend(arrows(package));
    }
    violations
}

fn arrows(package: &Package) -> Vec<Violation> {
    if DEVELOPMENT.contains(&package.name.as_str()) {
        return Vec::new();
    }
    let Some(level) = level(&package.name) else {
        return vec![Violation::in_file(
            &package.manifest_path,
            format!("{} has no level", package.name),
            format!("give it a row in {TABLE} and in docs/ARCHITECTURE.md, or make it a module"),
        )];
    };

    let mut violations = Vec::new();
    for dependency in &package.dependencies {
        let name = dependency.name.as_str();
        let for_development = dependency.kind.as_deref() == Some("dev");
        if DEVELOPMENT.contains(&name) && !for_development {
            violations.push(Violation::in_file(
                &package.manifest_path,
                format!("{} is built from {name}, which is for tests", package.name),
                "move it to [dev-dependencies]",
            ));
        }
        match self::level(name) {
            Some(other) if other >= level => violations.push(Violation::in_file(
                &package.manifest_path,
                format!(
                    "{} (level {level}) depends on {name} (level {other}): not downwards",
                    package.name
                ),
                "move what both need to a lower level, or state a port below and implement it above",
            )),
            _ => {}
        }
    }
    violations
}

fn level(name: &str) -> Option<u8> {
    LEVELS
        .iter()
        .find(|(row, _)| *row == name)
        .map(|(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_downwards_is_fine() {
        let package = Package::forged("fanline-engine", &["fanline-model", "bytes"]);
        assert_eq!(arrows(&package), []);
    }

    #[test]
    fn an_arrow_upwards_is_refused() {
        let package = Package::forged("fanline-model", &["fanline-engine"]);
        assert_eq!(arrows(&package).len(), 1);
    }

    #[test]
    fn an_arrow_to_the_same_level_is_refused_for_tests_too() {
        let package = Package::forged("fanline-engine", &["dev:fanline-protocol-native"]);
        assert_eq!(arrows(&package).len(), 1);
    }

    #[test]
    fn the_product_is_not_built_from_test_crates() {
        let product = Package::forged("fanline-server", &["fanline-testkit"]);
        let tests = Package::forged("fanline-server", &["dev:fanline-testkit"]);
        assert_eq!(arrows(&product).len(), 1);
        assert_eq!(arrows(&tests), []);
    }

    #[test]
    fn a_crate_without_a_row_and_a_row_without_a_crate_are_refused() {
        let all: Vec<Package> = LEVELS
            .iter()
            .map(|(name, _)| Package::forged(name, &[]))
            .collect();
        assert_eq!(check(&all), []);

        let mut one_more = all.clone();
        one_more.push(Package::forged("fanline-utils", &[]));
        assert_eq!(check(&one_more).len(), 1);

        assert_eq!(check(&all[1..]).len(), 1);
    }
}
