//! Who may not be built from what: the lines that must be missing from a Cargo.toml.

use super::{Violation, metadata::Package};

/// The direct dependencies a crate must not have, and where that work belongs.
struct Ban {
    crates: fn(&str) -> bool,
    banned: fn(&str) -> bool,
    cure: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        crates: |name| name == "fanline-engine",
        banned: |name| is_web(name) || is_database(name) || name == "serde_json",
        cure: "the engine turns commands into effects: transports live in fanline-edge, \
               text in the protocol crates, storage behind the ports",
    },
    Ban {
        crates: |name| name == "fanline-engine" || name == "fanline-edge",
        banned: is_protocol,
        cure: "go through the traits of fanline-protocol; fanline-server's wire.rs hands the \
               protocols in",
    },
    Ban {
        crates: is_protocol,
        banned: |name| {
            is_database(name)
                || matches!(
                    name,
                    "fanline-engine"
                        | "fanline-store"
                        | "tokio"
                        | "hyper"
                        | "hyper-util"
                        | "socket2"
                )
        },
        cure: "a protocol crate does no network and no database work: ask through `Realtime`",
    },
    Ban {
        crates: |name| {
            !matches!(name, "fanline-store" | "fanline-broker-redis")
                // They break a real Redis, and measure it.
                && !matches!(name, "fanline-testkit" | "fanline-lab" | "fanline-bench")
        },
        banned: is_database,
        cure: "SQL belongs to fanline-store, Redis to its broker crate",
    },
    Ban {
        crates: |_| true,
        banned: |name| {
            matches!(
                name,
                "ring" | "openssl" | "openssl-sys" | "native-tls" | "lazy_static" | "once_cell"
            )
        },
        cure: "cryptography is aws-lc-rs; lazy values are std::sync::LazyLock",
    },
];

/// Checks what each package is built from. Development dependencies are free, but for the levels.
pub(crate) fn check(packages: &[Package]) -> Vec<Violation> {
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Violation> {
    let mut violations = Vec::new();
    for ban in BANS.iter().filter(|ban| (ban.crates)(&package.name)) {
        for name in package.product_dependencies() {
            if (ban.banned)(name) {
                violations.push(Violation::in_file(
                    &package.manifest_path,
                    format!("{} must not depend on {name}", package.name),
                    ban.cure,
                ));
            }
        }
    }
    if is_protocol(&package.name)
        && !package
            .product_dependencies()
            .any(|name| name == "fanline-protocol")
    {
        violations.push(Violation::in_file(
            &package.manifest_path,
            format!("{} does not depend on fanline-protocol", package.name),
            "a protocol is a guest of the waist: implement its traits",
        ));
    }
    if !package.features.is_empty() {
        violations.push(Violation::in_file(
            &package.manifest_path,
            format!("{} has cargo features", package.name),
            "behaviour is configured at run time: remove [features]",
        ));
    }
    violations
}

fn is_protocol(name: &str) -> bool {
    name.starts_with("fanline-protocol-")
}

fn is_web(name: &str) -> bool {
    ["axum", "hyper", "tower-http", "utoipa", "fastwebsockets"]
        .iter()
        .any(|web| name == *web || name.starts_with(&format!("{web}-")))
}

fn is_database(name: &str) -> bool {
    matches!(
        name,
        "sqlx" | "rusqlite" | "tokio-postgres" | "fred" | "redis"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(name: &str, dependencies: &[&str]) -> usize {
        check_package(&Package::forged(name, dependencies)).len()
    }

    #[test]
    fn the_engine_knows_no_web_no_database_no_json_and_no_protocol() {
        assert_eq!(problems("fanline-engine", &["bytes", "tokio"]), 0);
        for name in [
            "axum",
            "hyper-util",
            "serde_json",
            "fanline-protocol-pusher",
        ] {
            assert_eq!(problems("fanline-engine", &[name]), 1, "{name}");
        }
        // Twice: no database in the engine, and none outside the store.
        assert_eq!(problems("fanline-engine", &["sqlx"]), 2);
        assert_eq!(problems("fanline-engine", &["dev:serde_json"]), 0);
    }

    #[test]
    fn the_edge_is_built_from_no_protocol() {
        assert_eq!(problems("fanline-edge", &["fanline-protocol"]), 0);
        assert_eq!(problems("fanline-edge", &["fanline-protocol-native"]), 1);
    }

    #[test]
    fn a_protocol_is_a_guest_of_the_waist_and_does_no_network() {
        let name = "fanline-protocol-native";
        assert_eq!(problems(name, &["fanline-protocol", "axum"]), 0);
        assert_eq!(problems(name, &["axum"]), 1);
        for banned in ["fanline-engine", "fanline-store", "tokio", "hyper-util"] {
            assert_eq!(problems(name, &["fanline-protocol", banned]), 1, "{banned}");
        }
    }

    #[test]
    fn only_the_store_speaks_sql() {
        assert_eq!(problems("fanline-store", &["sqlx"]), 0);
        assert_eq!(problems("fanline-control", &["sqlx"]), 1);
    }

    #[test]
    fn one_library_for_cryptography() {
        assert_eq!(problems("fanline-tenancy", &["aws-lc-rs"]), 0);
        assert_eq!(problems("fanline-tenancy", &["ring"]), 1);
    }

    #[test]
    fn no_crate_has_features() {
        let mut package = Package::forged("fanline-model", &[]);
        package.features.insert("fast".to_owned(), Vec::new());
        assert_eq!(check_package(&package).len(), 1);
    }
}
