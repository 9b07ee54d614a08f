//! What outlives a stop, a crash, and a start that failed.

use std::os::unix::fs::PermissionsExt as _;

use fanline_edge::listener;

use crate::program::{ELSEWHERE, Home, has, refusal};

#[test]
fn later_starts_use_what_the_first_one_made() {
    let home = Home::new();
    let first = home.dev();
    let made = first.ready.clone();
    first.stop();
    let second = home.dev();
    for member in [
        "tenant_id",
        "app_id",
        "api_key",
        "signing_key",
        "pusher",
        "operator_token",
    ] {
        assert_eq!(second.ready[member], made[member], "{member}");
    }
    second.publish("hello", "1");
}

#[test]
fn every_file_of_the_data_directory_with_a_secret_is_its_owners_alone() {
    let home = Home::new();
    let dev = home.dev();
    dev.publish("hello", "1");
    dev.stop();
    for name in [
        "credentials.json",
        "keys.json",
        "fanline.db",
        "replay.snapshot",
    ] {
        let mode = std::fs::metadata(home.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_clean_stop_keeps_the_numbering_and_a_crash_begins_another() {
    let home = Home::new();
    let dev = home.dev();
    let first = dev.publish("hello", "1");
    dev.stop();

    let dev = home.dev();
    assert!(
        !has(&home.path(), "replay.snapshot"),
        "it was taken before anybody was served"
    );
    let second = dev.publish("hello", "2");
    assert_eq!(second["epoch"], first["epoch"]);
    assert_eq!(second["seq"], 2);
    dev.kill();

    let dev = home.dev();
    let third = dev.publish("hello", "3");
    assert_ne!(third["epoch"], first["epoch"]);
}

#[tokio::test]
async fn a_start_that_failed_costs_nothing() {
    let home = Home::new();
    let dev = home.dev();
    let first = dev.publish("hello", "1");
    dev.stop();

    let taken = listener::bind("127.0.0.1:0".parse().unwrap())
        .unwrap()
        .listen()
        .unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data_dir = home.text();
    let mut arguments = vec!["dev", "--listen", &address, "--data-dir", &data_dir];
    arguments.extend(ELSEWHERE);
    let said = refusal(&arguments);
    assert!(
        said.contains(&address) && said.contains("--listen"),
        "{said}"
    );

    let second = home.dev().publish("hello", "2");
    assert_eq!(
        (&second["epoch"], &second["seq"]),
        (&first["epoch"], &2.into())
    );
}
