//! Ping, pong, and silence.

use std::time::Duration;

use fanline_model::CloseReason;
use fanline_protocol::{Event, Open, Protocol, Transport};
use fanline_protocol_pusher::PusherProtocol;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn c026_a_ping_is_answered_whatever_it_carries() {
    let mut client = World::new().connect().await;
    for frame in [
        r#"{"event":"pusher:ping","data":{}}"#,
        r#"{"event":"pusher:ping","data":[]}"#,
        r#"{"event":"pusher:ping","data":""}"#,
        r#"{"event":"pusher:ping","data":null}"#,
        r#"{"event":"pusher:ping"}"#,
    ] {
        client.send_text(frame).await;
        assert_eq!(
            client.take_texts(),
            [r#"{"event":"pusher:pong","data":{}}"#],
            "{frame}"
        );
    }
}

#[tokio::test]
async fn c030_silence_is_asked_and_then_ended_with_4201() {
    let mut client = World::new().connect().await;
    client.hear(Event::Idle);
    assert_eq!(
        client.take_texts(),
        [r#"{"event":"pusher:ping","data":{}}"#]
    );
    client.end(CloseReason::HeartbeatMissed);
    assert_eq!(client.closed().unwrap().0, 4201);
}

#[test]
fn c030_the_server_waits_longer_than_the_client_does_and_thirty_seconds_for_the_answer() {
    let open = Open {
        path: "key".to_owned(),
        query: "protocol=7".to_owned(),
        ..Open::bare(Transport::WebSocket, std::net::Ipv4Addr::LOCALHOST.into())
    };
    for (seconds, told) in [(120, 120), (30, 30), (0, 1)] {
        let protocol = PusherProtocol::new().with_activity_timeout(Duration::from_secs(seconds));
        let liveness = protocol.open(&open, &mut Vec::new()).liveness();
        assert!(liveness.idle > Duration::from_secs(told));
        assert_eq!(liveness.answer_within, Duration::from_secs(30));
    }
}

#[tokio::test]
async fn c031_a_pong_is_accepted_silently_at_any_time() {
    let mut client = World::new().connect().await;
    for data in [json!({}), json!(""), json!(null)] {
        assert!(
            client
                .ask(json!({"event": "pusher:pong", "data": data}))
                .await
                .is_empty()
        );
    }
    assert!(client.is_usable().await);
}

#[tokio::test]
async fn c033_a_draining_node_closes_with_4200() {
    let mut client = World::new().connect().await;
    client.end(CloseReason::Drain);
    assert_eq!(client.take()[0]["data"]["code"], 4200);
    assert_eq!(client.closed().unwrap().0, 4200);
}
