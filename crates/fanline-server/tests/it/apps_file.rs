//! Serving an installation whose apps are a file.

use std::{fs, path::PathBuf, process::Command};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Running, eventually, fanline, http};

/// A file with one app, its credentials, and a configuration that names it.
struct Installation {
    directory: TempDir,
    credentials: Value,
}

impl Installation {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = fanline(&["apps", "new", "--output", "json"])
            .output()
            .unwrap();
        assert!(made.status.success());
        fs::write(directory.path().join("apps.toml"), made.stdout).unwrap();
        Self {
            directory,
            credentials: serde_json::from_slice(&made.stderr).unwrap(),
        }
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("apps.toml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn write(&self, text: &str) {
        fs::write(self.file(), text).unwrap();
    }

    fn credential(&self, name: &str) -> &str {
        self.credentials[name].as_str().unwrap()
    }

    /// A command with the installation's configuration in its environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = fanline(arguments);
        for listener in ["PUBLIC", "ADMIN", "OPS"] {
            command.env(format!("FANLINE_{listener}_LISTEN"), "127.0.0.1:0");
        }
        command
            .env("FANLINE_STORE_KIND", "static")
            .env("FANLINE_STORE_PATH", self.file())
            .env("FANLINE_SECRETS_MASTER_KEY", self.credential("master_key"))
            .env("FANLINE_SECRETS_HASH_KEY", self.credential("hash_key"))
            .env("FANLINE_DATA_DIR", self.directory.path().join("data"))
            .env("FANLINE_LOG_FORMAT", "json")
            .env("FANLINE_STOP_DRAIN", "0s");
        command
    }

    fn serve(&self) -> Running {
        let serve = Running::start(self.command(&["serve"]));
        serve.wait_for_log("\"serving\"");
        serve
    }

    fn publishes(&self, url: &str) -> bool {
        let mut command = fanline(&["publish", "news", "1", "--url", url]);
        command.env("FANLINE_API_KEY", self.credential("api_key"));
        command.output().unwrap().status.success()
    }
}

/// A field of the line that says where it serves.
fn url(serve: &Running, listener: &str) -> String {
    let log = serve.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let serving = lines
        .map(|line: Value| line["fields"].clone())
        .find(|fields| fields["message"] == "serving");
    serving.unwrap()[listener].as_str().unwrap().to_owned()
}

#[test]
fn a_key_serves_as_long_as_it_stands_in_the_file() {
    let installation = Installation::new();
    let mut serve = installation.serve();
    let public = url(&serve, "public");
    assert!(installation.publishes(&public));

    let whole = installation.text();
    // The API key's table, which stands before the signing key's, the last one.
    let api_key = whole.find(".api_keys.").unwrap();
    let start = whole[..api_key].rfind('[').unwrap();
    let end = whole.rfind("[apps.").unwrap();
    installation.write(&format!("{}{}", &whole[..start], &whole[end..]));
    eventually(|| !installation.publishes(&public));

    installation.write("[apps.shop]\nname = \"shop\"\n");
    serve.wait_for_log("is no app id");
    installation.write(&whole);
    eventually(|| installation.publishes(&public));

    let log = serve.log();
    for secret in ["api_key", "master_key", "hash_key"] {
        assert!(!log.contains(installation.credential(secret)), "{secret}");
    }
    serve.signal(Signal::TERM);
    assert!(serve.wait().success(), "{}", serve.log());
}

#[test]
fn the_admin_api_says_where_the_apps_are_changed() {
    let installation = Installation::new();
    let serve = installation.serve();
    let admin = url(&serve, "admin");
    for (method, status) in [
        ("GET", "404"),
        ("PATCH", "409"),
        ("PUT", "409"),
        ("DELETE", "409"),
    ] {
        let answer = http(&admin, method, "/admin/v1/apps/app_1", "");
        assert_eq!(&answer[9..12], status, "{answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
        assert!(answer.contains("apps.toml"), "{answer}");
    }
}

#[test]
fn a_file_that_makes_no_sense_refuses_the_start_with_its_line() {
    let installation = Installation::new();
    installation.write(&(installation.text() + "colour = \"red\"\n"));
    let line = installation.text().lines().count();
    for command in [["serve"].as_slice(), &["apps", "check"]] {
        let output = installation.command(command).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        let place = format!("apps.toml, line {line}: unknown field `colour`");
        assert!(said.contains(&place), "{said}");
    }
    fs::remove_file(installation.file()).unwrap();
    let output = installation.command(&["serve"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("store.path") && said.contains("fanline apps new"),
        "{said}"
    );
}

#[test]
fn a_valid_file_is_said_to_be_valid() {
    let installation = Installation::new();
    let output = installation.command(&["apps", "check"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && said.contains("is valid: 1 app."),
        "{said}"
    );
}

#[test]
fn a_second_app_is_made_under_the_keys_that_are_given_and_they_are_not_shown() {
    let installation = Installation::new();
    let mut command = fanline(&["apps", "new", "--name", "other", "--output", "json"]);
    let output = command
        .env(
            "FANLINE_SECRETS_MASTER_KEY",
            installation.credential("master_key"),
        )
        .env(
            "FANLINE_SECRETS_HASH_KEY",
            installation.credential("hash_key"),
        )
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(
        said["api_key"].is_string() && said["master_key"].is_null(),
        "{said}"
    );
    let second = String::from_utf8(output.stdout).unwrap();
    installation.write(&(installation.text() + &second));
    let output = installation.command(&["apps", "check"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("is valid: 2 apps."), "{said}");
}

#[test]
fn dev_makes_its_own_app_and_takes_no_file() {
    let installation = Installation::new();
    let output = installation.command(&["dev"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("FANLINE_STORE_KIND"), "{said}");
}
