//! Whatever a client sends: no panic, and every frame that leaves is one JSON object with a string event.

use std::sync::Arc;

use fanline_model::{
    Channel, ConnectionId, Draft, Limits, Message, MessageId, Origin, Payload, PayloadKind,
    Timestamp, UserId,
};
use fanline_protocol::{Command, Dialect, Event, Format, Frame, Open, Protocol, Transport};
use fanline_protocol_pusher::PusherProtocol;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::check_frame;

fn opened() -> Box<dyn Dialect> {
    let open = Open {
        path: "key".to_owned(),
        query: "protocol=7".to_owned(),
        ..Open::bare(Transport::WebSocket, std::net::Ipv4Addr::LOCALHOST.into())
    };
    let mut dialect = PusherProtocol::new().open(&open, &mut Vec::new());
    let opened = Event::Opened {
        connection: ConnectionId::parse("1.2").unwrap(),
        connection_key: "key".into(),
        kept: false,
        subject: None,
        limits: Arc::new(Limits::default()),
        expires_at: None,
        tag: None,
    };
    dialect.encode(opened, &mut Vec::new());
    dialect
}

/// Decodes and checks what would leave at once. A command that is handed on must be well formed.
fn decode(frame: Frame) {
    let mut commands = Vec::new();
    opened().decode(frame, &mut commands);
    for command in commands {
        match command {
            Command::Reply(frame) | Command::Fault(frame) => check(&frame),
            Command::Publish(publish) => {
                let payload = &publish.items[0].payload;
                assert_eq!(payload.kind, PayloadKind::Json);
                serde_json::from_slice::<Value>(&payload.bytes).unwrap();
            }
            Command::Subscribe(_) | Command::Unsubscribe { .. } => {}
            other => panic!("{other:?}"),
        }
    }
}

fn check(frame: &Frame) {
    let Frame::Text(text) = frame else {
        panic!("{frame:?}")
    };
    check_frame(std::str::from_utf8(text).unwrap());
}

/// Frames that are nearly right: known words, odd values.
fn nearly() -> impl Strategy<Value = String> {
    let event = prop_oneof![
        Just("pusher:subscribe".to_owned()),
        Just("pusher:unsubscribe".to_owned()),
        Just("pusher:ping".to_owned()),
        Just("pusher:signin".to_owned()),
        "client-.{0,10}",
        ".*",
    ];
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!(12)),
        Just(json!(["a", {}])),
        ".*".prop_map(Value::from),
        "(private-|presence-|cache-|private-encrypted-|#server-to-user-)?[a-z:/]{0,6}"
            .prop_map(Value::from),
        "[a-z]{0,3}:[0-9a-f]{0,64}".prop_map(Value::from),
    ];
    (event, proptest::collection::vec(value, 4)).prop_map(|(event, values)| {
        let data = json!({"channel": values[0], "auth": values[1], "channel_data": values[2]});
        json!({"event": event, "channel": values[0], "data": if event.starts_with("client-") { values[3].clone() } else { data }})
            .to_string()
    })
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        any::<Vec<u8>>().prop_map(Payload::bytes),
        ".*".prop_map(Payload::text),
        ".*".prop_map(|text| Payload::json(json!([text]).to_string())),
        Just(Payload {
            kind: PayloadKind::Text,
            bytes: vec![0xff].into()
        }),
    ]
}

proptest! {
    #[test]
    fn any_text_is_answered_or_understood(text in any::<String>()) {
        decode(Frame::text(text));
    }

    #[test]
    fn any_bytes_are_answered_or_understood(bytes in any::<Vec<u8>>(), binary: bool) {
        let bytes = bytes.into();
        decode(if binary { Frame::Binary(bytes) } else { Frame::Text(bytes) });
    }

    #[test]
    fn nearly_right_frames_are_answered_or_understood(text in nearly(), cut in 0..100_usize) {
        let end = text.char_indices().nth_back(cut).map_or(text.len(), |(at, _)| at);
        decode(Frame::text(&text[..end]));
        decode(Frame::text(text));
    }

    #[test]
    fn any_message_is_one_frame_that_reads_back(
        payload in payload(),
        name in proptest::option::of("\\PC{1,20}"),
        client_id in proptest::option::of("\\PC{1,20}"),
        user in proptest::option::of("\\PC{1,20}"),
        ephemeral: bool,
        by_client: bool,
    ) {
        let mut draft = Draft::new(MessageId::parse("m").unwrap(), payload.clone());
        draft.name = name.as_deref().map(Arc::from);
        draft.ephemeral = ephemeral;
        draft.origin = Origin {
            connection: by_client.then(|| ConnectionId::parse("1.2").unwrap()),
            exclude: None,
            client_id: client_id.map(|id| UserId::parse(&id).unwrap()),
        };
        let message = Message { draft, timestamp: Timestamp::from_secs(1), position: None, fork: None };
        let channel = user.map_or_else(
            || Channel::parse("presence-a").unwrap(),
            |id| Channel::User(UserId::parse(&id).unwrap()),
        );
        let frame = PusherProtocol::new().encode(Format::default(), &channel, &message).unwrap();
        check(&frame);
        let frame: Value = serde_json::from_slice(frame.bytes()).unwrap();
        let name = name.unwrap_or_else(|| "message".to_owned());
        let event = if ephemeral && by_client { format!("client-{name}") } else { name };
        prop_assert_eq!(frame["event"].as_str(), Some(&*event));
        match payload.as_text() {
            Some(text) if payload.kind == PayloadKind::Json && ephemeral && by_client => {
                prop_assert_eq!(frame["data"].to_string(), serde_json::from_str::<Value>(text).unwrap().to_string());
            }
            Some(text) => prop_assert_eq!(frame["data"].as_str(), Some(text)),
            None => prop_assert!(frame["data"].is_string()),
        }
    }
}
