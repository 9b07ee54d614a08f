//! The Pusher protocol, as Fanline serves it.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::json;

use super::fanline::{Greeting, PusherCredentials};
use super::signature::signed_target;
use super::{Reaction, Wire, post, upgrade};

/// Speaks protocol 7.
pub(crate) struct PusherWire {
    address: SocketAddr,
    credentials: PusherCredentials,
}

impl PusherWire {
    pub(crate) fn new(address: SocketAddr, greeting: &Greeting) -> Self {
        Self {
            address,
            credentials: greeting.pusher.clone(),
        }
    }
}

/// What matters of a frame that is no message.
#[derive(Deserialize)]
struct Frame<'a> {
    event: &'a str,
}

impl Wire for PusherWire {
    fn handshake(&self, _channel: Option<&str>) -> String {
        let key = &self.credentials.key;
        let path = format!("/app/{key}?protocol=7&client=bench&version=1&flash=false");
        upgrade(self.address, &path, None)
    }

    fn read_text(&self, channel: Option<&str>, text: &str) -> Reaction {
        match serde_json::from_str::<Frame<'_>>(text).map(|frame| frame.event) {
            Ok("pusher:connection_established") => match channel {
                Some(channel) => Reaction::Answer(
                    json!({ "event": "pusher:subscribe", "data": { "channel": channel } })
                        .to_string(),
                ),
                None => Reaction::Joined,
            },
            Ok("pusher_internal:subscription_succeeded") => Reaction::Joined,
            Ok("pusher:ping") => {
                Reaction::Answer(json!({ "event": "pusher:pong", "data": {} }).to_string())
            }
            Ok("pusher:pong" | "pusher_internal:subscription_count") => Reaction::Nothing,
            _ => Reaction::Trouble(text.to_owned()),
        }
    }

    fn publish(&self, channel: &str, payload: &[u8], unix_seconds: u64, request: &mut Vec<u8>) {
        let data = String::from_utf8_lossy(payload);
        let body = json!({ "name": "bench", "channel": channel, "data": data }).to_string();
        let target = signed_target(
            &self.credentials,
            "POST",
            &format!("/apps/{}/events", self.credentials.app_id),
            body.as_bytes(),
            unix_seconds,
        );
        post(self.address, &target, "", body.as_bytes(), request);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::Value;

    fn wire() -> PusherWire {
        let credentials = PusherCredentials {
            app_id: "3".to_owned(),
            key: "key".to_owned(),
            secret: "secret".to_owned(),
        };
        PusherWire {
            address: SocketAddr::from(([127, 0, 0, 1], 80)),
            credentials,
        }
    }

    #[test]
    fn a_greeting_is_answered_with_a_subscription() {
        let greeting =
            r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\"}"}"#;
        let Reaction::Answer(text) = wire().read_text(Some("bench"), greeting) else {
            unreachable!()
        };
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            frame,
            json!({"event": "pusher:subscribe", "data": {"channel": "bench"}})
        );
    }

    #[test]
    fn frames_that_are_no_message_are_told_apart() {
        let read = |text| wire().read_text(Some("bench"), text);
        let joined =
            r#"{"event":"pusher_internal:subscription_succeeded","channel":"bench","data":"{}"}"#;
        assert_eq!(read(joined), Reaction::Joined);
        assert!(matches!(
            read(r#"{"event":"pusher:ping"}"#),
            Reaction::Answer(_)
        ));
        let error = r#"{"event":"pusher:error","data":{"code":4001,"message":"no such app"}}"#;
        assert_eq!(read(error), Reaction::Trouble(error.to_owned()));
    }

    #[test]
    fn a_publish_carries_the_payload_as_a_string() {
        let mut request = Vec::new();
        wire().publish("bench", br#"{"b":"~1"}"#, 1_353_088_179, &mut request);
        let request = String::from_utf8(request).unwrap();
        assert!(
            request.starts_with("POST /apps/3/events?auth_key=key&"),
            "{request}"
        );
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            body,
            json!({"name": "bench", "channel": "bench", "data": r#"{"b":"~1"}"#})
        );
    }
}
