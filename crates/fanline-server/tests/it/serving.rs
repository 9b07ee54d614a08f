//! What is served where, by `dev` and by `serve`.

use std::fs;

use crate::program::{Home, Running, fanline, http};

#[test]
fn dev_serves_the_live_page_and_signs_for_this_machine() {
    let home = Home::new();
    let dev = home.dev();
    let url = dev.said("url");
    let page = http(&url, "GET", "/", "");
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("id=\"log\""),
        "{page}"
    );
    let token = http(&url, "POST", "/dev/token", "");
    assert!(
        token.starts_with("HTTP/1.1 201") && token.contains("\"token\""),
        "{token}"
    );
    let signed = "socket_id=1.2&channel_name=private-a";
    let auth = http(&url, "POST", "/dev/pusher/auth", signed);
    assert!(
        auth.starts_with("HTTP/1.1 200") && auth.contains("\"auth\""),
        "{auth}"
    );
}

#[test]
fn each_listener_serves_its_own_and_nothing_else() {
    let home = Home::new();
    let dev = home.dev();
    let [public, admin, ops] = ["url", "admin_url", "ops_url"].map(|member| dev.said(member));
    let status = |url: &str, path: &str| http(url, "GET", path, "")[9..12].to_owned();
    assert_eq!(status(&ops, "/readyz"), "200");
    assert_eq!(status(&ops, "/metrics"), "200");
    assert_eq!(status(&admin, "/admin/v1/apps"), "401");
    for (url, path) in [
        (&public, "/metrics"),
        (&public, "/admin/v1/apps"),
        (&admin, "/metrics"),
        (&admin, "/v1/channels"),
        (&ops, "/admin/v1/apps"),
        (&ops, "/v1/channels"),
    ] {
        assert_eq!(status(url, path), "404", "{url}{path}");
    }
    let metrics = http(&ops, "GET", "/metrics", "");
    for name in [
        "fanline_sessions ",
        "fanline_messages_published_total",
        "process_cpu_seconds",
    ] {
        assert!(metrics.contains(name), "{metrics}");
    }
}

#[test]
fn a_request_that_opens_no_websocket_is_told_how_one_opens() {
    let home = Home::new();
    let dev = home.dev();
    let url = dev.said("url");
    for path in ["/v1/connect", "/app/some-key"] {
        let answer = http(&url, "GET", path, "");
        assert!(answer.starts_with("HTTP/1.1 426"), "{answer}");
        assert!(answer.contains("sec-websocket-version: 13"), "{answer}");
        assert!(answer.contains("Upgrade: websocket"), "{answer}");
        assert!(http(&url, "POST", path, "").starts_with("HTTP/1.1 405"));
    }
}

#[test]
fn the_admin_api_is_asked_for_by_a_name_of_this_machine() {
    let home = Home::new();
    let dev = home.dev();
    let admin = dev.said("admin_url").replace("http://", "");
    let mut stream = std::net::TcpStream::connect(admin).unwrap();
    let request =
        "GET /admin/v1/apps HTTP/1.1\r\nhost: attacker.example\r\nconnection: close\r\n\r\n";
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let answer = std::io::read_to_string(stream).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}

#[test]
fn serve_has_nothing_of_dev() {
    let home = Home::new();
    let config = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "data_dir = {:?}\n[public]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [ops]\nlisten = \"127.0.0.1:0\"\n[stop]\ndrain = \"0s\"\n",
        home.text()
    );
    fs::write(config.path(), text).unwrap();
    let command = fanline(&["serve", "--config", config.path().to_str().unwrap()]);
    let mut serve = Running::start(command);
    serve.wait_for_log("serving");
    let made = fs::read(home.path().join("credentials.json")).unwrap();
    let made: serde_json::Value = serde_json::from_slice(&made).unwrap();
    let url = made["url"].as_str().unwrap();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/dev/live.js"),
        ("GET", "/dev/pusher.html"),
        ("POST", "/dev/token"),
        ("POST", "/dev/pusher/auth"),
        ("POST", "/dev/pusher/user-auth"),
    ] {
        let answer = http(url, method, path, "");
        assert!(
            answer.starts_with("HTTP/1.1 404"),
            "{method} {path}: {answer}"
        );
    }
    let log = serve.log();
    for secret in ["api_key", "operator_token"] {
        assert!(!log.contains(made[secret].as_str().unwrap()), "{secret}");
    }
    serve.signal(rustix::process::Signal::TERM);
    assert!(serve.wait().success());
}
