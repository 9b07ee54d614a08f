//! What must not stand in the Rust sources of a crate.

use super::{Violation, rust_text, tracked::Tracked};

/// Words that some files must not hold.
struct Ban {
    /// Decides by the file's path, relative to the repository's root.
    files: fn(&str) -> bool,
    words: &'static [&'static str],
    /// What a line may hold all the same.
    but: &'static [&'static str],
    /// Whether modules under `#[cfg(test)]` and files of tests are meant too.
    tests_too: bool,
    /// Whether what stands in quotes counts.
    strings_too: bool,
    problem: &'static str,
    cure: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        files: |path| path.starts_with("crates/") || path.starts_with("xtask/"),
        words: &["unsafe"],
        // A test may count what an allocator does, which cannot be said otherwise.
        but: &[],
        tests_too: false,
        strings_too: false,
        problem: "unsafe code, whatever lint was silenced for it",
        cure: "use a well-kept crate that wraps it; none of ours holds any",
    },
    Ban {
        files: |path| path.starts_with("crates/fanline-edge/src/"),
        words: &["pusher", "Pusher", "PUSHER", "native", "Native", "NATIVE"],
        but: &[],
        tests_too: true,
        strings_too: true,
        problem: "the edge names a protocol",
        cure: "a mount's protocol comes in from fanline-server's wire.rs, behind the traits of \
               fanline-protocol",
    },
    Ban {
        files: |path| {
            path.starts_with("crates/fanline-server/src/")
                && path != "crates/fanline-server/src/wire.rs"
                && !path.starts_with("crates/fanline-server/src/wire/")
        },
        words: &[
            "fanline_store",
            "fanline_protocol_native",
            "fanline_protocol_pusher",
            "fanline_broker::memory",
            "MemoryBroker",
            "MemoryPresence",
            "MemorySignals",
        ],
        but: &["fanline_store::document"],
        tests_too: false,
        strings_too: false,
        problem: "names a concrete broker, store or protocol",
        cure: "only wire.rs chooses implementations: take the port (`Arc<dyn …>`) from it",
    },
    Ban {
        files: |path| {
            path.starts_with("crates/fanline-store/src/")
                && path != "crates/fanline-store/src/scope.rs"
                && !path.starts_with("crates/fanline-store/src/scope/")
        },
        words: &["pool", "Pool", "SqlitePool", "PgPool", "AnyPool", "acquire"],
        but: &[],
        tests_too: false,
        strings_too: false,
        problem: "reaches for the connection pool",
        cure: "run the statement on the transaction of a `Scope` (or the visibly named operator's \
               scope); only scope.rs holds the pool",
    },
    Ban {
        files: |path| path.starts_with("crates/fanline-protocol"),
        words: &[
            "tokio::net",
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
            "net::lookup_host",
            "ToSocketAddrs",
        ],
        but: &[],
        tests_too: false,
        strings_too: false,
        problem: "a protocol does network work",
        cure: "turn frames into commands; transports are the edge's, requests go through \
               `Realtime`",
    },
    Ban {
        files: |path| {
            path.starts_with("crates/")
                && ![
                    "crates/fanline-server/",
                    "crates/fanline-testkit/",
                    "crates/fanline-e2e/",
                    "crates/fanline-bench/",
                ]
                .iter()
                .any(|prefix| path.starts_with(prefix))
        },
        words: &[
            "env::var",
            "env::var_os",
            "env::vars",
            "env::vars_os",
            "from_default_env",
            "try_from_default_env",
            "builder_from_env",
        ],
        but: &[],
        tests_too: false,
        strings_too: false,
        problem: "reads the environment",
        cure: "fanline-server reads it, checks it and hands the value down",
    },
];

/// Checks one file; any but Rust passes.
pub(crate) fn check(file: &Tracked) -> Vec<Violation> {
    if !file.path.ends_with(".rs") {
        return Vec::new();
    }
    let code = rust_text::code_only(&file.text);
    let product = if is_test_file(&file.path) {
        String::new()
    } else {
        rust_text::without_test_modules(&code)
    };
    let with_strings = rust_text::without_comments(&file.text);

    let mut violations = Vec::new();
    for ban in BANS.iter().filter(|ban| (ban.files)(&file.path)) {
        let text = match (ban.strings_too, ban.tests_too) {
            (true, _) => &with_strings,
            (false, true) => &code,
            (false, false) => &product,
        };
        for word in ban.words {
            let lines = rust_text::lines_with(text, word).into_iter();
            for line in lines.filter(|line| !ban.excuses(text, *line)) {
                violations.push(Violation::at(
                    &file.path,
                    line,
                    format!("{} (`{word}`)", ban.problem),
                    ban.cure,
                ));
            }
        }
    }
    violations.extend(feature_switches(&file.path, &code));
    violations
}

impl Ban {
    fn excuses(&self, text: &str, line: usize) -> bool {
        let line = text.lines().nth(line - 1).unwrap_or_default();
        self.but.iter().any(|excuse| line.contains(excuse))
    }
}

/// `cfg(feature = …)` in any of its forms: what is built must be what was tested.
fn feature_switches(path: &str, code: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    if !path.starts_with("crates/") {
        return violations;
    }
    for word in ["cfg", "cfg_attr"] {
        for (at, _) in code
            .match_indices(&format!("{word}("))
            .chain(code.match_indices(&format!("{word}!(")))
        {
            let inside = parenthesis(&code[at..]);
            if !rust_text::lines_with(inside, "feature").is_empty() {
                violations.push(Violation::at(
                    path,
                    code[..at].matches('\n').count() + 1,
                    "a cargo feature changes behaviour",
                    "configure it at run time",
                ));
            }
        }
    }
    violations
}

/// From the start to the parenthesis that closes the first one opened.
fn parenthesis(code: &str) -> &str {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return &code[..at],
            b')' => depth -= 1,
            _ => {}
        }
    }
    code
}

fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.contains("/benches/") || path.ends_with("/tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> usize {
        check(&Tracked::forged(path, text)).len()
    }

    #[test]
    fn there_is_no_unsafe_code_outside_tests() {
        let path = "crates/fanline-edge/src/ws.rs";
        assert_eq!(problems(path, "fn f() { unsafe { g() } }"), 1);
        assert_eq!(problems(path, "#![forbid(unsafe_code)] // unsafe"), 0);
        assert_eq!(
            problems(
                "crates/fanline-edge/tests/it/heap.rs",
                "unsafe impl A for B {}"
            ),
            0
        );
    }

    #[test]
    fn the_edge_names_no_protocol_not_even_in_a_string() {
        let path = "crates/fanline-edge/src/mount.rs";
        assert_eq!(
            problems(path, "// a Pusher client comes here\nfn f() {}"),
            0
        );
        assert_eq!(problems(path, "fn f() { let alternative = 1; }"), 0);
        assert_eq!(problems(path, "fn f() { mount(\"pusher\") }"), 1);
        assert_eq!(problems(path, "enum Kind { Native }"), 1);
        assert_eq!(
            problems(path, "#[cfg(test)]\nmod tests {\n fn f() { native(); }\n}"),
            1
        );
    }

    #[test]
    fn only_wire_names_concrete_types() {
        let text = "use fanline_store::Sqlite;\nuse fanline_broker::Broker;\n";
        assert_eq!(problems("crates/fanline-server/src/wire.rs", text), 0);
        // What an app is in JSON and TOML is no implementation.
        let document = "use fanline_store::document::AppPatch;\n";
        assert_eq!(
            problems("crates/fanline-server/src/apps_file.rs", document),
            0
        );
        assert_eq!(problems("crates/fanline-server/src/wire/store.rs", text), 0);
        assert_eq!(problems("crates/fanline-server/src/serve.rs", text), 1);
        assert_eq!(
            problems(
                "crates/fanline-server/src/dev.rs",
                "use fanline_broker::memory::MemoryBroker;"
            ),
            2
        );
    }

    #[test]
    fn a_query_runs_on_a_transaction() {
        let text = "async fn f(pool: &SqlitePool) { q.execute(pool).await }";
        assert_eq!(problems("crates/fanline-store/src/scope.rs", text), 0);
        assert_eq!(problems("crates/fanline-store/src/apps.rs", text), 3);
        assert_eq!(
            problems(
                "crates/fanline-store/src/apps.rs",
                "async fn f(tx: &mut Tx) { q.execute(&mut **tx).await }"
            ),
            0
        );
    }

    #[test]
    fn a_protocol_does_no_network() {
        let text = "use tokio::net::TcpStream;";
        assert_eq!(
            problems("crates/fanline-protocol-native/src/http.rs", text),
            1
        );
        assert_eq!(problems("crates/fanline-edge/src/ws.rs", text), 0);
    }

    #[test]
    fn the_environment_is_read_in_the_server_and_in_tests_only() {
        let text = "fn f() { std::env::var(\"X\") }";
        assert_eq!(problems("crates/fanline-engine/src/hub.rs", text), 1);
        assert_eq!(problems("crates/fanline-server/src/config.rs", text), 0);
        assert_eq!(problems("crates/fanline-engine/tests/it/main.rs", text), 0);
        let in_module = format!("#[cfg(test)]\nmod tests {{\n{text}\n}}\n");
        assert_eq!(problems("crates/fanline-engine/src/hub.rs", &in_module), 0);
        assert_eq!(
            problems(
                "crates/fanline-telemetry/src/log.rs",
                "fn f() { EnvFilter::try_from_default_env() }"
            ),
            1
        );
    }

    #[test]
    fn no_feature_switch_in_any_form() {
        let path = "crates/fanline-model/src/lib.rs";
        for text in [
            "#[cfg(feature = \"x\")]\nmod x;",
            "#[cfg(all(unix, feature = \"x\"))]\nmod x;",
            "#[cfg_attr(feature = \"x\", derive(Debug))]\nstruct X;",
            "fn f() { if cfg!(feature = \"x\") {} }",
        ] {
            assert_eq!(problems(path, text), 1, "{text}");
        }
        for text in [
            "#[cfg(target_os = \"linux\")]\nfn feature() {}",
            "#[cfg(test)]\nmod tests { fn feature() {} }",
        ] {
            assert_eq!(problems(path, text), 0, "{text}");
        }
    }
}
