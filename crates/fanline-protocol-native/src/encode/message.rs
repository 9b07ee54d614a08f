//! The frame that fan-out shares: written once for all listeners, in one allocation of its length.

use fanline_model::{Channel, Message, Payload, PayloadKind};
use fanline_protocol::Frame;

use crate::json::{Length, Object, Sink};

/// The frame of a channel's message.
pub(crate) fn message_frame(channel: &Channel, message: &Message) -> Frame {
    Frame::Text(frame_text(channel, message).into())
}

fn frame_text(channel: &Channel, message: &Message) -> Vec<u8> {
    let mut length = Length::default();
    write(&mut length, channel, message);
    let mut text = Vec::with_capacity(length.0);
    write(&mut text, channel, message);
    text
}

fn write(sink: &mut impl Sink, channel: &Channel, message: &Message) {
    let mut object = Object::frame(sink, "message");
    object.channel(channel);
    message_fields(&mut object, message);
    object.end();
}

/// What a message is, in frames and in history alike.
pub(crate) fn message_fields<S: Sink>(object: &mut Object<'_, S>, message: &Message) {
    let draft = &message.draft;
    object.string("id", draft.id.as_str());
    object.maybe_string("name", draft.name.as_deref());
    object.maybe_string("key", draft.key.as_deref());
    payload(object, &draft.payload);
    object.maybe_string(
        "client_id",
        draft.origin.client_id.as_ref().map(|user| user.as_str()),
    );
    if !draft.headers.is_empty() {
        let mut headers = Object::begin(object.key("headers"));
        for header in &draft.headers {
            headers.escaped_key(&header.name).string(&header.value);
        }
        headers.end();
    }
    object.number("timestamp", message.timestamp.as_millis());
    object.flat_position(message.position);
    object.flag("removed", draft.removed);
    object.flag("ephemeral", draft.ephemeral);
}

/// `data`, and how to read it: without `encoding` it is the value itself.
fn payload<S: Sink>(object: &mut Object<'_, S>, payload: &Payload) {
    match (payload.kind, payload.as_text()) {
        (PayloadKind::Json, Some(json)) => object.key("data").value(json.as_bytes()),
        (PayloadKind::Text, Some(text)) => {
            object.string("data", text);
            object.string("encoding", "text");
        }
        // Bytes; or what somebody called text and is none: nobody is sent a broken frame for it.
        _ => {
            let sink = object.key("data");
            sink.put(b"\"");
            sink.base64(&payload.bytes);
            sink.put(b"\"");
            object.string("encoding", "base64");
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::Arc;

    use fanline_model::{Draft, Epoch, Header, MessageId, Origin, Position, Timestamp, UserId};
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn payload() -> impl Strategy<Value = Payload> {
        prop_oneof![
            any::<Vec<u8>>().prop_map(Payload::bytes),
            ".*".prop_map(Payload::text),
            ".*".prop_map(|text| Payload::json(serde_json::to_string(&[text]).unwrap())),
            Just(Payload {
                kind: PayloadKind::Text,
                bytes: vec![0xff].into()
            }),
        ]
    }

    prop_compose! {
        fn message()(
            payload in payload(),
            name in proptest::option::of(".{1,20}"),
            key in proptest::option::of(".{1,20}"),
            client_id in proptest::option::of("\\PC{1,20}"),
            headers in proptest::collection::vec(("[a-z]{1,9}", ".{0,9}"), 0..3),
            position in proptest::option::of((any::<u64>(), any::<u64>())),
            timestamp: u64,
            removed: bool,
        ) -> Message {
            let mut draft = Draft::new(MessageId::parse("m\"1").unwrap(), payload);
            draft.name = name.map(Arc::from);
            draft.key = key.map(Arc::from);
            draft.origin = Origin { client_id: client_id.and_then(|id| UserId::parse(&id).ok()), ..Origin::default() };
            draft.headers = headers.into_iter().map(|(name, value)| Header { name: name.into(), value: value.into() }).collect();
            draft.removed = removed;
            Message {
                draft,
                timestamp: Timestamp::from_millis(timestamp),
                position: position.map(|(epoch, seq)| Position::new(Epoch::from_u64(epoch), seq)),
                fork: None,
            }
        }
    }

    proptest! {
        #[test]
        fn every_message_is_one_line_of_json_in_one_allocation_with_type_first(message in message()) {
            let channel = Channel::parse("#user:a\"b").unwrap();
            let text = frame_text(&channel, &message);
            prop_assert_eq!(text.capacity(), text.len());
            let begins = text.starts_with(br##"{"type":"message","channel":"#user:a\"b","id":"m\"1","##);
            prop_assert!(begins, "{}", String::from_utf8_lossy(&text));
            prop_assert!(!text.contains(&b'\n') && !text.contains(&b'\r'));
            let frame: Value = serde_json::from_slice(&text).unwrap();
            prop_assert_eq!(frame["timestamp"].as_u64(), Some(message.timestamp.as_millis()));
            prop_assert_eq!(frame["name"].as_str(), message.draft.name.as_deref());
            prop_assert_eq!(frame.get("seq").is_some(), message.position.is_some());
            if message.draft.payload.kind == PayloadKind::Text && message.draft.payload.as_text().is_some() {
                prop_assert_eq!(frame["data"].as_str(), message.draft.payload.as_text());
                prop_assert_eq!(frame["encoding"].as_str(), Some("text"));
            }
        }
    }
}
