//! `fixtures/messages/`: one message in two protocols; this is what Pusher's clients get, and what its
//! backends send to make it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanline_model::{
    Channel, ConnectionId, Draft, Message, MessageId, Origin, Payload, Timestamp, UserId,
};
use fanline_protocol::{Format, Protocol};
use fanline_protocol_pusher::PusherProtocol;
use serde_json::{Value, json};

use crate::world::{Backend, World, check_frame};

/// The folders of messages.
fn folders() -> Vec<PathBuf> {
    let directory = format!("{}/../../fixtures/messages", env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let folders: Vec<_> = entries
        .filter(|path| path.join("message.json").is_file())
        .collect();
    assert!(folders.len() >= 20, "the golden files are gone");
    folders
}

/// What `message.json` says; the position and the headers are nothing that Pusher's protocol could say.
struct Golden(Value);

impl Golden {
    fn of(folder: &std::path::Path) -> Self {
        let text = fs::read_to_string(folder.join("message.json")).unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.0[field].as_str()
    }

    fn channel(&self) -> Channel {
        Channel::parse(self.text("channel").unwrap()).unwrap()
    }

    fn payload(&self) -> Payload {
        match (
            self.text("kind").unwrap(),
            self.text("payload"),
            self.text("payload_base64"),
        ) {
            ("json", Some(text), None) => Payload::json(text.to_owned()),
            ("text", Some(text), None) => Payload::text(text),
            ("bytes", None, Some(text)) => Payload::bytes(STANDARD.decode(text).unwrap()),
            other => panic!("no payload: {other:?}"),
        }
    }

    fn message(&self) -> Message {
        let mut draft = Draft::new(MessageId::parse("m-1").unwrap(), self.payload());
        draft.name = self.text("name").map(Arc::from);
        draft.ephemeral = self.0["ephemeral"] == true;
        draft.removed = self.0["removed"] == true;
        draft.origin = Origin {
            connection: self
                .text("connection")
                .map(|id| ConnectionId::parse(id).unwrap()),
            client_id: self.text("client_id").map(|id| UserId::parse(id).unwrap()),
            exclude: None,
        };
        Message {
            draft,
            timestamp: Timestamp::from_secs(1),
            position: None,
            fork: None,
        }
    }
}

#[test]
fn every_message_has_the_frame_of_its_golden_file() {
    for folder in folders() {
        let golden = Golden::of(&folder);
        let frame =
            PusherProtocol::new().encode(Format::default(), &golden.channel(), &golden.message());
        let text = String::from_utf8(frame.unwrap().bytes().to_vec()).unwrap();
        check_frame(&text);
        let expected = fs::read_to_string(folder.join("pusher.json")).unwrap();
        assert_eq!(
            text,
            expected.trim_end_matches('\n'),
            "{}",
            folder.display()
        );
    }
}

#[tokio::test]
async fn what_a_pusher_backend_sends_becomes_the_golden_payload() {
    let world = World::new();
    let backend = Backend::new(&world);
    let mut count = 0;
    for folder in folders() {
        let Ok(data) = fs::read_to_string(folder.join("pusher-data.json")) else {
            continue;
        };
        let data: Value = serde_json::from_str(&data).unwrap();
        let golden = Golden::of(&folder);
        let (name, channel) = (
            golden.text("name").unwrap(),
            golden.text("channel").unwrap(),
        );
        backend
            .post(
                "events",
                &json!({"name": name, "channel": channel, "data": data}),
            )
            .await
            .ok();
        let (published_to, message) = world.published().remove(0);
        assert_eq!(published_to, golden.channel());
        assert_eq!(
            message.draft.payload,
            golden.payload(),
            "{}",
            folder.display()
        );
        assert!(!message.draft.ephemeral && message.draft.name.as_deref() == Some(name));
        count += 1;
    }
    assert_eq!(count, 10);
}
