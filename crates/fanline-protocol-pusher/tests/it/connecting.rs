//! Connecting: versions, keys, the greeting, and the ways in which there is none.

use std::collections::HashSet;

use fanline_model::CloseReason;
use fanline_protocol::{Open, Protocol, Transport};
use fanline_protocol_pusher::PusherProtocol;
use serde_json::{Value, json};

use crate::world::{KEY, OTHER_KEY, World};

const QUERY: &str = "protocol=7&client=js&version=8.6.0&flash=false";

#[tokio::test]
async fn c002_parameters_in_any_order_and_unknown_ones_are_accepted() {
    let world = World::new();
    for query in [
        "flash=false&version=8.6.0&client=js&protocol=7",
        "client=Pysher&version=1.0.7&protocol=6",
        "x=1&protocol=5&&y",
    ] {
        assert_eq!(
            world.open(KEY, query).await.take()[0]["event"],
            "pusher:connection_established"
        );
    }
}

#[tokio::test]
async fn c003_protocols_5_6_and_7_get_the_same_greeting() {
    let world = World::new();
    for version in [4, 5, 6, 7] {
        world.next_id("1.2");
        let greeting = world
            .open(KEY, &format!("protocol={version}"))
            .await
            .take_texts();
        let expected = r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":120}"}"#;
        assert_eq!(greeting, [expected]);
    }
}

#[tokio::test]
async fn c004_c005_the_greeting_is_first_and_its_data_a_string() {
    let world = World::new();
    let frames = world.open(KEY, QUERY).await.take();
    assert_eq!(frames.len(), 1);
    let data: Value = serde_json::from_str(frames[0]["data"].as_str().unwrap()).unwrap();
    let (left, right) = data["socket_id"].as_str().unwrap().split_once('.').unwrap();
    assert!(
        [left, right]
            .iter()
            .all(|half| half.bytes().all(|byte| byte.is_ascii_digit()))
    );
    assert_eq!(data["activity_timeout"], 120);
}

#[tokio::test]
async fn every_connection_has_a_socket_id_of_its_own() {
    let world = World::new();
    let mut ids = HashSet::new();
    for _ in 0..100 {
        ids.insert(world.connect().await.socket_id());
    }
    assert_eq!(ids.len(), 100);
}

#[test]
fn c007_a_ping_before_the_greeting_is_not_answered_ahead_of_it() {
    let open = Open {
        path: KEY.to_owned(),
        query: QUERY.to_owned(),
        ..Open::bare(Transport::WebSocket, std::net::Ipv4Addr::LOCALHOST.into())
    };
    let mut commands = Vec::new();
    let mut dialect = PusherProtocol::new().open(&open, &mut commands);
    assert_eq!(commands.len(), 1, "{commands:?}");
    dialect.decode(
        fanline_protocol::Frame::text(r#"{"event":"pusher:ping"}"#),
        &mut commands,
    );
    assert_eq!(commands.len(), 1, "{commands:?}");
}

#[tokio::test]
async fn c008_an_unknown_key_gets_an_error_frame_and_close_4001() {
    let world = World::new();
    let mut client = world.open("nobody", QUERY).await;
    let message = "App key nobody not in this cluster. Did you forget to specify the cluster?";
    let error = json!({"event": "pusher:error", "data": {"code": 4001, "message": message}});
    assert_eq!(client.take(), [error]);
    assert_eq!(
        client.closed(),
        Some((4001, "Application does not exist".to_owned()))
    );
}

#[tokio::test]
async fn c009_a_disabled_app_gets_4003() {
    let world = World::new();
    world.change(|app| app.settings.enabled = false);
    let mut client = world.open(KEY, QUERY).await;
    assert_eq!(client.take()[0]["data"]["code"], 4003);
    assert_eq!(client.closed().unwrap().0, 4003);
}

#[tokio::test]
async fn c009_c012_every_ending_is_said_in_the_frame_and_in_the_close_code_alike() {
    let world = World::new();
    for (reason, code) in [
        (CloseReason::TlsRequired, 4000),
        (CloseReason::ConnectionLimit, 4004),
        (CloseReason::OriginNotAllowed, 4009),
        (CloseReason::Revoked, 4009),
        (CloseReason::Terminated, 4009),
        (CloseReason::OverCapacity, 4100),
        (CloseReason::Unavailable, 4100),
        (CloseReason::Drain, 4200),
        (CloseReason::HeartbeatMissed, 4201),
    ] {
        let mut client = world.connect().await;
        client.end(reason);
        assert_eq!(client.take()[0]["data"]["code"], code, "{reason:?}");
        assert_eq!(client.closed().unwrap().0, code, "{reason:?}");
    }
}

#[tokio::test]
async fn c010_a_version_that_is_not_spoken_is_refused_with_its_own_code() {
    let world = World::new();
    for (query, code) in [
        ("protocol=3", 4007),
        ("protocol=8", 4007),
        ("protocol=abc", 4006),
        ("client=js", 4008),
    ] {
        let mut client = world.open(KEY, query).await;
        let frames = client.take();
        assert_eq!(
            (frames.len(), &frames[0]["data"]["code"]),
            (1, &json!(code)),
            "{query}"
        );
        assert_eq!(client.closed().unwrap().0, code, "{query}");
    }
}

#[tokio::test]
async fn c011_a_path_that_is_no_key_gets_4005() {
    let world = World::new();
    for path in ["", "a/b", "key/"] {
        assert_eq!(
            world.open(path, QUERY).await.closed().unwrap().0,
            4005,
            "{path:?}"
        );
    }
}

#[tokio::test]
async fn c015_two_apps_share_no_channel() {
    let world = World::new();
    let (mut one, mut other) = (world.connect().await, world.connect_with(OTHER_KEY).await);
    one.subscribe("news").await;
    other.subscribe("news").await;
    let backend = crate::world::Backend::new(&world);
    backend
        .post(
            "events",
            &json!({"name": "n", "channel": "news", "data": "1"}),
        )
        .await
        .ok();
    assert_eq!(one.take().len(), 1);
    assert!(other.take().is_empty());
}
