//! `fanline doctor`: what it says, and when it fails.

use std::process::Output;

use serde_json::Value;

use crate::program::{Home, fanline};

/// The doctor on a data directory, with more variables.
fn doctor(home: &Home, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = fanline(&["doctor"]);
    command
        .args(arguments)
        .env("FANLINE_DATA_DIR", home.path())
        .envs(variables.iter().copied());
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn found<'a>(report: &'a Value, check: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    let mut found = findings.iter().filter(|finding| finding["check"] == check);
    found.next().unwrap_or_else(|| panic!("{check}: {report}"))
}

#[test]
fn before_the_first_start_nothing_is_wrong_and_nothing_is_made() {
    let home = Home::new();
    let output = doctor(&home, &[], &[]);
    assert!(output.status.success(), "{output:?}");
    let text = text(&output);
    for part in [
        "open files",
        "the first start makes it",
        "in this process",
        " 0 failed",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!home.path().exists());
}

#[test]
fn a_store_that_was_made_opens_and_one_that_is_served_is_left_alone() {
    let home = Home::new();
    let dev = home.dev();
    let served = text(&doctor(&home, &[], &[]));
    assert!(served.contains("in use by a running server"), "{served}");
    dev.stop();
    let stopped = doctor(&home, &[], &[]);
    assert!(stopped.status.success(), "{stopped:?}");
    let stopped = text(&stopped);
    assert!(stopped.contains("the store opens"), "{stopped}");
}

#[test]
fn a_store_that_is_damaged_fails() {
    let home = Home::new();
    home.dev().stop();
    for file in std::fs::read_dir(home.path()).unwrap() {
        let path = file.unwrap().path();
        if path.to_string_lossy().contains("fanline.db") {
            std::fs::write(path, "no database").unwrap();
        }
    }
    let output = doctor(&home, &[], &["--output", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found(&report, "apps")["verdict"], "failed", "{report}");
}

#[test]
fn a_redis_that_cannot_be_reached_fails_with_what_to_do_in_one_object() {
    let home = Home::new();
    let variables = [
        ("FANLINE_BROKER_KIND", "redis"),
        // Nobody listens there.
        ("FANLINE_REDIS_NODES", "127.0.0.1:1"),
    ];
    let output = doctor(&home, &variables, &["--output", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], false);
    let reachable = found(&report, "reachable");
    assert_eq!(reachable["verdict"], "failed");
    assert_eq!(reachable["servers"][0], "127.0.0.1:1");
    assert!(reachable["advice"].is_string(), "{report}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("one check has failed"), "{said}");
}

#[test]
fn an_authority_that_cannot_be_read_is_a_finding() {
    let home = Home::new();
    let variables = [
        ("FANLINE_BROKER_KIND", "redis"),
        ("FANLINE_REDIS_TLS", "true"),
        ("FANLINE_REDIS_TLS_CA", "/nowhere/ca.pem"),
    ];
    let output = doctor(&home, &variables, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("redis.tls_ca"), "{output:?}");
}
