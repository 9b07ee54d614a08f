//! The commands that ask a running server.

use crate::program::{Home, Running, fanline, refusal, run};

#[test]
fn a_subscriber_comes_back_after_a_restart_and_misses_nothing() {
    let home = Home::new();
    let dev = home.dev();
    let (address, data_dir) = (dev.authority(), home.text());
    let arguments = [
        "subscribe",
        "orders",
        "--count",
        "3",
        "--data-dir",
        &data_dir,
    ];
    let mut subscriber = Running::start(fanline(&arguments));
    subscriber.wait_for_log("orders: fresh");
    dev.publish("orders", "{\"n\":1}");
    assert_eq!(subscriber.line(), "orders 1 - {\"n\":1}");
    dev.stop();

    let dev = home.dev_at(&address);
    dev.publish("orders", "{\"n\":2}");
    dev.publish("orders", "hello");
    assert_eq!(subscriber.line(), "orders 2 - {\"n\":2}");
    assert_eq!(subscriber.line(), "orders 3 - hello");
    assert!(subscriber.wait().success());
    assert!(
        subscriber.log().contains("orders: kept, from 1"),
        "{}",
        subscriber.log()
    );
}

#[test]
fn a_script_reads_the_servers_frames() {
    let home = Home::new();
    let dev = home.dev();
    let data_dir = home.text();
    let arguments = [
        "subscribe",
        "a",
        "--count",
        "1",
        "--output",
        "json",
        "--data-dir",
        &data_dir,
    ];
    let mut subscriber = Running::start(fanline(&arguments));
    let frame = |line: String| serde_json::from_str::<serde_json::Value>(&line).unwrap();
    assert_eq!(frame(subscriber.line())["type"], "connected");
    assert_eq!(frame(subscriber.line())["continuity"], "fresh");
    assert_eq!(frame(subscriber.line())["type"], "caught_up");
    dev.publish("a", "7");
    assert_eq!(frame(subscriber.line())["data"], 7);
    assert!(subscriber.wait().success());
}

#[test]
fn the_same_id_publishes_once() {
    let home = Home::new();
    let _dev = home.dev();
    let data_dir = home.text();
    let publish = || {
        let arguments = [
            "publish",
            "a",
            "1",
            "--id",
            "order-7",
            "--data-dir",
            &data_dir,
        ];
        String::from_utf8(run(&arguments).stdout).unwrap()
    };
    let (first, second) = (publish(), publish());
    assert!(first.starts_with("published to a at "), "{first}");
    assert_eq!(second, first.replace("published", "duplicate"));
}

#[test]
fn a_token_opens_what_it_names() {
    let home = Home::new();
    let _dev = home.dev();
    let data_dir = home.text();
    let allow = "private-*=subscribe,publish";
    let arguments = [
        "token",
        "--subject",
        "ann",
        "--allow",
        allow,
        "--ttl",
        "5m",
        "--data-dir",
        &data_dir,
    ];
    let token = String::from_utf8(run(&arguments).stdout).unwrap();
    assert_eq!(token.trim().split('.').count(), 3, "{token}");
    let wrong = ["token", "--allow", "a=fly", "--data-dir", &data_dir];
    let said = refusal(&wrong);
    assert!(said.contains("fly") && said.contains("subscribe"), "{said}");
}

#[test]
fn a_server_that_is_not_there_is_told_with_the_way_to_start_one() {
    let home = Home::new();
    home.dev().stop();
    let data_dir = home.text();
    for arguments in [
        vec!["publish", "a", "1", "--data-dir", &data_dir],
        vec!["subscribe", "a", "--data-dir", &data_dir],
    ] {
        let said = refusal(&arguments);
        assert!(
            said.contains("fanline dev") && said.contains("--url"),
            "{said}"
        );
    }
}

#[test]
fn a_wrong_key_ends_a_subscriber_and_is_not_repeated() {
    let home = Home::new();
    let dev = home.dev();
    let key = home.path().join("wrong");
    let mut wrong = dev.said("api_key");
    wrong.pop();
    std::fs::write(&key, &wrong).unwrap();
    let url = dev.said("url");
    let key = key.to_str().unwrap();
    for arguments in [
        vec!["publish", "a", "1", "--url", &url, "--api-key-file", key],
        vec!["subscribe", "a", "--url", &url, "--api-key-file", key],
    ] {
        let said = refusal(&arguments);
        assert!(!said.contains(&wrong), "{said}");
    }
}
