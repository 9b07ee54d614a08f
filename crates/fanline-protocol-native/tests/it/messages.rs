//! `fixtures/messages/`: one message in two protocols; this is the native one.

use std::fs;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanline_model::{
    Channel, Draft, Epoch, Header, Message, MessageId, Origin, Payload, PayloadKind, Position,
    Timestamp, UserId,
};
use fanline_protocol::{Format, Frame, Protocol};
use fanline_protocol_native::NativeProtocol;
use serde_json::Value;

#[test]
fn every_message_has_the_native_frame_of_its_golden_file() {
    let mut count = 0;
    for entry in fs::read_dir(crate::fixtures("messages")).unwrap() {
        let directory = entry.unwrap().path();
        // Other protocols have their own files beside these folders.
        if !directory.join("message.json").is_file() {
            continue;
        }
        count += 1;
        let input: Value =
            serde_json::from_str(&fs::read_to_string(directory.join("message.json")).unwrap())
                .unwrap();
        let channel = Channel::parse(input["channel"].as_str().unwrap()).unwrap();
        let frame = NativeProtocol
            .encode(Format::default(), &channel, &message(&input))
            .unwrap();
        let Frame::Text(text) = frame else {
            panic!("the native protocol sends text")
        };
        let golden = fs::read_to_string(directory.join("native.json")).unwrap();
        assert_eq!(
            String::from_utf8(text.to_vec()).unwrap(),
            golden.trim_end_matches('\n'),
            "{}",
            directory.display()
        );
    }
    assert!(count >= 10, "the golden files are gone");
}

/// A message as `fixtures/messages/README.md` writes it.
fn message(input: &Value) -> Message {
    let text = |key: &str| input[key].as_str();
    let (kind, bytes) = match (
        text("kind").unwrap(),
        text("payload"),
        text("payload_base64"),
    ) {
        ("json", Some(payload), None) => (PayloadKind::Json, payload.as_bytes().to_vec()),
        ("text", Some(payload), None) => (PayloadKind::Text, payload.as_bytes().to_vec()),
        ("bytes", None, Some(payload)) => (PayloadKind::Bytes, STANDARD.decode(payload).unwrap()),
        other => panic!("no payload: {other:?}"),
    };
    let mut draft = Draft::new(
        MessageId::parse(text("id").unwrap()).unwrap(),
        Payload {
            kind,
            bytes: bytes.into(),
        },
    );
    draft.name = text("name").map(Arc::from);
    draft.key = text("key").map(Arc::from);
    draft.origin = Origin {
        client_id: text("client_id").map(|id| UserId::parse(id).unwrap()),
        ..Origin::default()
    };
    draft.headers = input["headers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(header)
        .collect();
    draft.ephemeral = input["ephemeral"] == true;
    draft.removed = input["removed"] == true;
    let position = text("epoch")
        .map(|epoch| Position::new(Epoch::parse(epoch).unwrap(), input["seq"].as_u64().unwrap()));
    Message {
        draft,
        timestamp: Timestamp::from_millis(input["timestamp"].as_u64().unwrap()),
        position,
        fork: None,
    }
}

fn header(pair: &Value) -> Header {
    let part = |index: usize| pair[index].as_str().unwrap().into();
    Header {
        name: part(0),
        value: part(1),
    }
}
