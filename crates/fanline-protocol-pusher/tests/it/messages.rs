//! One message in two protocols: what each kind of message is for a Pusher client, byte for byte. The
//! files under `fixtures/messages/pusher/` say it; they change only with the promise itself.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanline_model::{
    Channel, ConnectionId, Draft, Message, MessageId, Origin, Payload, Timestamp, UserId,
};
use fanline_protocol::{Format, Protocol};
use fanline_protocol_pusher::PusherProtocol;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::{Backend, World, check_frame, fixture};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    says: String,
    channel: String,
    kind: String,
    /// Text; of kind `bytes` in base64.
    payload: String,
    name: Option<String>,
    client_id: Option<String>,
    connection: Option<String>,
    #[serde(default)]
    ephemeral: bool,
    #[serde(default)]
    removed: bool,
    /// What every Pusher client gets.
    frame: String,
    /// The `data` of an HTTP publish that makes this payload, if one does.
    published_as: Option<Value>,
}

impl Golden {
    fn all() -> Vec<Self> {
        let golden = serde_json::from_str::<Vec<Self>>(&fixture("messages/pusher/messages.json"));
        golden.unwrap()
    }

    fn payload(&self) -> Payload {
        match &*self.kind {
            "json" => Payload::json(self.payload.clone()),
            "text" => Payload::text(self.payload.clone()),
            "bytes" => Payload::bytes(STANDARD.decode(&self.payload).unwrap()),
            other => panic!("{other} is no kind"),
        }
    }

    fn message(&self) -> Message {
        let mut draft = Draft::new(MessageId::parse("m").unwrap(), self.payload());
        draft.name = self.name.as_deref().map(Arc::from);
        draft.ephemeral = self.ephemeral;
        draft.removed = self.removed;
        draft.origin = Origin {
            connection: self
                .connection
                .as_deref()
                .map(|id| ConnectionId::parse(id).unwrap()),
            client_id: self
                .client_id
                .as_deref()
                .map(|id| UserId::parse(id).unwrap()),
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
fn every_kind_of_message_is_the_golden_frame() {
    for golden in Golden::all() {
        let channel = Channel::parse(&golden.channel).unwrap();
        let frame = PusherProtocol::new().encode(Format::default(), &channel, &golden.message());
        let text = String::from_utf8(frame.unwrap().bytes().to_vec()).unwrap();
        check_frame(&text);
        assert_eq!(text, golden.frame, "{}", golden.says);
    }
}

#[tokio::test]
async fn what_a_pusher_backend_publishes_is_the_golden_payload() {
    let world = World::new();
    let backend = Backend::new(&world);
    let mut tried = 0;
    for golden in Golden::all() {
        let Some(data) = &golden.published_as else {
            continue;
        };
        let name = golden.name.as_deref().unwrap();
        let event = json!({"name": name, "channel": golden.channel, "data": data});
        backend.post("events", &event).await.ok();
        let (channel, message) = world.published().remove(0);
        assert_eq!(channel.to_string(), golden.channel);
        assert_eq!(message.draft.payload, golden.payload(), "{}", golden.says);
        assert!(!message.draft.ephemeral);
        tried += 1;
    }
    assert!(tried > 5);
}
