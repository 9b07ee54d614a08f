//! A native client over WebSocket: frames in, frames out, nothing hidden.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

use crate::server::{Server, patience};

/// A socket of the independent client library.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long an expected frame may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// A native connection.
pub struct Native {
    socket: Socket,
}

/// Opens a WebSocket on a path, with these headers.
pub(crate) async fn socket(
    server: &Server,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Socket, tokio_websockets::Error> {
    let url = format!("{}{path}", server.info.url.replacen("http", "ws", 1));
    let mut builder = ClientBuilder::new().uri(&url).expect("an address");
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        builder =
            builder.add_header(name, HeaderValue::from_str(value).expect("a header value"))?;
    }
    builder.connect().await.map(|(socket, _)| socket)
}

// === impl Native ===

impl Native {
    /// Opens a socket and says nothing yet.
    pub async fn open(server: &Server) -> Self {
        let socket = socket(
            server,
            "/v1/connect",
            &[("sec-websocket-protocol", "fanline.v1")],
        )
        .await;
        Self {
            socket: socket.expect("the socket opens"),
        }
    }

    /// The same, as a page of this origin would.
    pub async fn open_from(server: &Server, origin: &str) -> Self {
        let headers = [("sec-websocket-protocol", "fanline.v1"), ("origin", origin)];
        let socket = socket(server, "/v1/connect", &headers).await;
        Self {
            socket: socket.expect("the socket opens"),
        }
    }

    /// The same with a query and an `Authorization` header.
    pub async fn open_with(server: &Server, query: &str, authorization: Option<&str>) -> Self {
        let mut headers = vec![("sec-websocket-protocol", "fanline.v1")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let socket = socket(server, &format!("/v1/connect?{query}"), &headers).await;
        Self {
            socket: socket.expect("the socket opens"),
        }
    }

    /// Connects with the app key, a token if there is one, and these subscriptions; reads `connected`.
    pub async fn connect(server: &Server, token: Option<&str>, subscribe: Value) -> Self {
        let mut client = Self::open(server).await;
        let mut frame = json!({"type": "connect", "id": "c", "app": server.info.pusher.key, "subscribe": subscribe});
        if let Some(token) = token {
            frame["token"] = token.into();
        }
        client.send(&frame).await;
        let connected = client.next().await;
        assert_eq!(connected["type"], "connected", "{connected}");
        client
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends any text.
    pub async fn send_text(&mut self, text: &str) {
        self.socket
            .send(Message::text(text.to_owned()))
            .await
            .expect("the frame goes out");
    }

    /// Sends a binary frame, given as base64.
    pub async fn send_binary_base64(&mut self, base64: &str) {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(base64)
            .expect("base64");
        self.socket
            .send(Message::binary(bytes))
            .await
            .expect("the frame goes out");
    }

    /// The next frame; pings are answered and not shown.
    pub async fn next(&mut self) -> Value {
        match self.next_or_close().await {
            Ok(frame) => frame,
            Err((code, reason)) => {
                panic!("closed with {code} {reason:?} while a frame was expected")
            }
        }
    }

    /// The next frame of this type, whatever comes before it.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The next frame, or the code and reason of the close (1006 if the line just broke).
    pub async fn next_or_close(&mut self) -> Result<Value, (u16, String)> {
        loop {
            let next = tokio::time::timeout(patience(DEADLINE), self.socket.next()).await;
            let message = match next.expect("a frame in time") {
                Some(Ok(message)) => message,
                Some(Err(_)) | None => return Err((1006, String::new())),
            };
            if let Some((code, reason)) = message.as_close() {
                return Err((code.into(), reason.to_owned()));
            }
            let Some(text) = message.as_text() else {
                continue;
            };
            let frame: Value = serde_json::from_str(text).expect("a JSON frame");
            if frame["type"] == "ping" {
                self.send(&json!({"type": "pong"})).await;
                continue;
            }
            return Ok(frame);
        }
    }

    /// Reads until the close, and answers its code and the frames before it.
    pub async fn until_close(&mut self) -> (u16, Vec<Value>) {
        let mut frames = Vec::new();
        loop {
            match self.next_or_close().await {
                Ok(frame) => frames.push(frame),
                Err((code, _)) => return (code, frames),
            }
        }
    }

    /// Subscribes, and answers `subscribed` or the refusal.
    pub async fn subscribe(&mut self, channel: &str, since: Option<&Value>) -> Value {
        let mut frame =
            json!({"type": "subscribe", "id": format!("s-{channel}"), "channel": channel});
        if let Some(since) = since {
            frame["since"] = since.clone();
        }
        self.send(&frame).await;
        loop {
            let answer = self.next().await;
            if answer["id"] == frame["id"] {
                return answer;
            }
        }
    }

    /// Breaks the line without a word.
    pub fn cut(self) {
        drop(self.socket);
    }
}
