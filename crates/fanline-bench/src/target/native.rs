//! Fanline's own protocol.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::{Value, json};

use super::fanline::Greeting;
use super::{Reaction, Wire, post, upgrade};

/// Speaks `fanline.v1`.
pub(crate) struct NativeWire {
    address: SocketAddr,
    app_key: String,
    authorization: String,
}

impl NativeWire {
    pub(crate) fn new(address: SocketAddr, greeting: &Greeting) -> Self {
        Self {
            address,
            app_key: greeting.pusher.key.clone(),
            authorization: format!("Authorization: Bearer {}\r\n", greeting.api_key),
        }
    }
}

/// What matters of a frame that is no message.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

impl Wire for NativeWire {
    fn handshake(&self, _channel: Option<&str>) -> String {
        upgrade(self.address, "/v1/connect", Some("fanline.v1"))
    }

    fn opening_frame(&self, channel: Option<&str>) -> Option<String> {
        let subscribe: Vec<_> = channel.into_iter().map(entry).collect();
        Some(json!({ "type": "connect", "app": self.app_key, "subscribe": subscribe }).to_string())
    }

    fn subscribe_frame(&self, channels: &[String]) -> Option<String> {
        let channels: Vec<_> = channels.iter().map(|channel| entry(channel)).collect();
        Some(json!({ "type": "subscribe", "channels": channels }).to_string())
    }

    fn read_text(&self, channel: Option<&str>, text: &str) -> Reaction {
        match serde_json::from_str::<Frame<'_>>(text).map(|frame| frame.kind) {
            Ok("ping") => Reaction::Answer(r#"{"type":"pong"}"#.to_owned()),
            Ok("subscribed") => Reaction::Joined,
            Ok("connected") if channel.is_none() => Reaction::Joined,
            Ok("connected" | "caught_up") => Reaction::Nothing,
            _ => Reaction::Trouble(text.to_owned()),
        }
    }

    fn publish(&self, channel: &str, payload: &[u8], _unix_seconds: u64, request: &mut Vec<u8>) {
        let body = [br#"{"name":"bench","data":"#, payload, b"}"].concat();
        let target = format!("/v1/channels/{channel}/messages");
        post(self.address, &target, &self.authorization, &body, request);
    }
}

/// A channel as an entry of a list.
fn entry(channel: &str) -> Value {
    json!({ "channel": channel })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn wire() -> NativeWire {
        NativeWire {
            address: SocketAddr::from(([127, 0, 0, 1], 80)),
            app_key: "key".to_owned(),
            authorization: "Authorization: Bearer fl_1_2\r\n".to_owned(),
        }
    }

    #[test]
    fn the_first_frame_connects_and_subscribes_in_one() {
        let frame: Value =
            serde_json::from_str(&wire().opening_frame(Some("bench")).unwrap()).unwrap();
        let expected =
            json!({"type": "connect", "app": "key", "subscribe": [{"channel": "bench"}]});
        assert_eq!(frame, expected);
    }

    #[test]
    fn who_opens_without_a_channel_is_in_when_connected_and_subscribes_to_many_at_once() {
        let frame: Value = serde_json::from_str(&wire().opening_frame(None).unwrap()).unwrap();
        assert_eq!(frame["subscribe"], json!([]));
        let connected = r#"{"type":"connected","connection_id":"1.2"}"#;
        assert_eq!(wire().read_text(None, connected), Reaction::Joined);
        let channels = ["a", "b"].map(str::to_owned);
        let frame: Value =
            serde_json::from_str(&wire().subscribe_frame(&channels).unwrap()).unwrap();
        let expected =
            json!({"type": "subscribe", "channels": [{"channel": "a"}, {"channel": "b"}]});
        assert_eq!(frame, expected);
    }

    #[test]
    fn frames_that_are_no_message_are_told_apart() {
        let read = |text| wire().read_text(Some("bench"), text);
        assert_eq!(
            read(r#"{"type":"connected","connection_id":"1.2"}"#),
            Reaction::Nothing
        );
        assert_eq!(
            read(r#"{"type":"subscribed","channel":"bench"}"#),
            Reaction::Joined
        );
        assert_eq!(
            read(r#"{"type":"caught_up","channel":"bench"}"#),
            Reaction::Nothing
        );
        assert_eq!(
            read(r#"{"type":"ping"}"#),
            Reaction::Answer(r#"{"type":"pong"}"#.to_owned())
        );
        assert!(matches!(
            read(r#"{"type":"skipped","count":1}"#),
            Reaction::Trouble(_)
        ));
        assert!(matches!(read("no JSON"), Reaction::Trouble(_)));
    }

    #[test]
    fn a_publish_carries_the_payload_byte_for_byte() {
        let mut request = Vec::new();
        wire().publish("bench", br#"{"b":"~1"}"#, 0, &mut request);
        let request = String::from_utf8(request).unwrap();
        assert!(request.starts_with("POST /v1/channels/bench/messages HTTP/1.1\r\n"));
        assert!(request.contains("\r\nAuthorization: Bearer fl_1_2\r\n"));
        assert!(request.ends_with("\r\n\r\n{\"name\":\"bench\",\"data\":{\"b\":\"~1\"}}"));
    }
}
