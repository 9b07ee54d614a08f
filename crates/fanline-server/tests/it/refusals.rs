//! Starts that are refused, each with a sentence that says what to do.

use std::fs;

use crate::program::{ELSEWHERE, Home, refusal, run};

#[test]
fn a_second_process_on_the_same_data_directory_is_refused() {
    let home = Home::new();
    let dev = home.dev();
    let data_dir = home.text();
    let mut arguments = vec!["dev", "--listen", "127.0.0.1:0", "--data-dir", &data_dir];
    arguments.extend(ELSEWHERE);
    let said = refusal(&arguments);
    assert!(said.contains("in use by another fanline process"), "{said}");
    assert!(said.contains("--data-dir"), "{said}");
    dev.publish("hello", "1");
}

#[test]
fn a_taken_port_names_its_flag() {
    let (first, second) = (Home::new(), Home::new());
    let dev = first.dev();
    let data_dir = second.text();
    for (member, flag) in [
        ("url", "--listen"),
        ("admin_url", "--admin-listen"),
        ("ops_url", "--ops-listen"),
    ] {
        let taken = dev.said(member).replace("http://", "");
        let mut arguments = vec!["dev", "--data-dir", &data_dir];
        for other in ["--listen", "--admin-listen", "--ops-listen"] {
            let address = if other == flag { &taken } else { "127.0.0.1:0" };
            arguments.extend([other, address]);
        }
        let said = refusal(&arguments);
        assert!(
            said.contains(&taken) && said.contains(&format!("{flag}: ")),
            "{said}"
        );
    }
}

#[test]
fn an_admin_listener_for_everybody_is_refused() {
    let home = Home::new();
    let data_dir = home.text();
    let said = refusal(&[
        "dev",
        "--admin-listen",
        "0.0.0.0:0",
        "--data-dir",
        &data_dir,
    ]);
    assert!(said.contains("loopback"), "{said}");
    assert!(!home.path().exists(), "nothing was made");
}

#[test]
fn the_embedded_broker_is_refused_to_any_role_but_all() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("fanline.toml");
    fs::write(&config, "role = \"edge\"\n").unwrap();
    let config = config.to_str().unwrap();
    for command in [
        vec!["serve", "--config", config],
        vec!["config", "check", "--config", config],
    ] {
        let said = refusal(&command);
        assert!(said.contains("within one process"), "{said}");
    }
}

#[test]
fn a_configuration_is_checked_without_being_served() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("fanline.toml");
    fs::write(&config, "[public]\nlisten = \"127.0.0.1:1234\"\n").unwrap();
    let config = config.to_str().unwrap();
    let output = run(&["config", "check", "--config", config, "--output", "json"]);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&said["valid"], &said["public"]),
        (&true.into(), &"127.0.0.1:1234".into())
    );

    let defaults = run(&["config", "defaults"]);
    fs::write(config, &defaults.stdout).unwrap();
    assert!(
        run(&["config", "check", "--config", config])
            .status
            .success()
    );

    fs::write(config, "[public]\nlisen = \"127.0.0.1:1234\"\n").unwrap();
    let said = refusal(&["config", "check", "--config", config]);
    assert!(
        said.contains("fanline.toml") && said.contains("did you mean"),
        "{said}"
    );
}
