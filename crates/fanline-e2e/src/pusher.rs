//! Pusher's wire, as far as tests need it: signatures and a raw socket.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio_websockets::Message;

use crate::client::{Socket, socket};
use crate::server::{Pusher, Server, patience};

/// The request target of a signed call (pusher.md 14).
pub fn sign(
    credentials: &Pusher,
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    body: &str,
) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970")
        .as_secs();
    let mut parameters = vec![
        ("auth_key".to_owned(), credentials.key.clone()),
        ("auth_timestamp".to_owned(), now.to_string()),
        ("auth_version".to_owned(), "1.0".to_owned()),
    ];
    if !body.is_empty() {
        parameters.push(("body_md5".to_owned(), hex(&Md5::digest(body.as_bytes()))));
    }
    parameters.extend(
        query
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    );
    parameters.sort();
    let query: Vec<_> = parameters
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let query = query.join("&");
    let signature = hmac(&credentials.secret, &format!("{method}\n{path}\n{query}"));
    format!("{path}?{query}&auth_signature={signature}")
}

/// The `auth` of a private channel for one socket.
pub fn channel_auth(credentials: &Pusher, socket_id: &str, channel: &str) -> String {
    format!(
        "{}:{}",
        credentials.key,
        hmac(&credentials.secret, &format!("{socket_id}:{channel}"))
    )
}

/// A Pusher connection.
pub struct PusherSocket {
    socket: Socket,
    /// Its socket id.
    pub id: String,
}

// === impl PusherSocket ===

impl PusherSocket {
    /// Connects and reads the greeting.
    pub async fn connect(server: &Server) -> Self {
        let path = format!(
            "/app/{}?protocol=7&client=e2e&version=1.0&flash=false",
            server.info.pusher.key
        );
        let socket = socket(server, &path, &[]).await.expect("the socket opens");
        let mut client = Self {
            socket,
            id: String::new(),
        };
        let greeting = client.next().await;
        assert_eq!(
            greeting["event"], "pusher:connection_established",
            "{greeting}"
        );
        let data: Value =
            serde_json::from_str(greeting["data"].as_str().expect("a string")).expect("JSON");
        client.id = data["socket_id"].as_str().expect("a socket id").to_owned();
        client
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) {
        self.socket
            .send(Message::text(frame.to_string()))
            .await
            .expect("the frame goes out");
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        loop {
            let next =
                tokio::time::timeout(patience(Duration::from_secs(20)), self.socket.next()).await;
            let message = next
                .expect("a frame in time")
                .expect("a frame")
                .expect("a whole frame");
            if let Some(text) = message.as_text() {
                return serde_json::from_str(text).expect("a JSON frame");
            }
        }
    }

    /// Subscribes; true if it succeeded.
    pub async fn subscribe(&mut self, channel: &str, auth: Option<&str>) -> bool {
        let data = json!({"channel": channel, "auth": auth.unwrap_or_default()});
        self.send(&json!({"event": "pusher:subscribe", "data": data}))
            .await;
        loop {
            let frame = self.next().await;
            match frame["event"].as_str() {
                Some("pusher_internal:subscription_succeeded") if frame["channel"] == channel => {
                    return true;
                }
                Some("pusher:error" | "pusher:subscription_error") => return false,
                _ => {}
            }
        }
    }

    /// The next event of a channel that is not Pusher's own.
    pub async fn next_event(&mut self) -> Value {
        loop {
            let frame = self.next().await;
            let event = frame["event"].as_str().expect("an event");
            if !event.starts_with("pusher") {
                return frame;
            }
        }
    }
}

fn hmac(secret: &str, text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
