//! A client without a library in between: the text of each frame is what was sent.

use std::sync::Arc;

use fanline_model::CloseReason;
use fanline_protocol::{Event, Frame};
use serde_json::{Value, json};

use super::{World, auth};

pub(crate) struct Client {
    world: Arc<World>,
    seat: usize,
}

impl Client {
    pub(super) fn new(world: Arc<World>, seat: usize) -> Self {
        Self { world, seat }
    }

    pub(crate) fn socket_id(&self) -> String {
        self.world.standing(self.seat).0.to_string()
    }

    /// Sends a text frame as it is.
    pub(crate) async fn send_text(&mut self, text: &str) {
        self.send_frame(Frame::text(text)).await;
    }

    pub(crate) async fn send_frame(&mut self, frame: Frame) {
        let mut commands = Vec::new();
        self.world.state().seats[self.seat]
            .dialect
            .decode(frame, &mut commands);
        self.world.act(self.seat, commands).await;
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends, and takes what came since the last take.
    pub(crate) async fn ask(&mut self, frame: Value) -> Vec<Value> {
        self.send(frame).await;
        self.take()
    }

    /// Asks for a channel with this in `data` beside its name.
    pub(crate) async fn subscribe_with(&mut self, channel: &str, mut data: Value) -> Vec<Value> {
        data["channel"] = channel.into();
        self.ask(json!({"event": "pusher:subscribe", "data": data}))
            .await
    }

    /// Subscribes, signed where it must be, and expects the success.
    pub(crate) async fn subscribe(&mut self, channel: &str) {
        let auth = auth(&self.socket_id(), channel);
        let answer = self.subscribe_with(channel, json!({"auth": auth})).await;
        assert_eq!(answer, [succeeded(channel)]);
    }

    pub(crate) async fn unsubscribe(&mut self, channel: &str) -> Vec<Value> {
        self.ask(json!({"event": "pusher:unsubscribe", "data": {"channel": channel}}))
            .await
    }

    pub(crate) async fn client_event(
        &mut self,
        channel: &str,
        name: &str,
        data: Value,
    ) -> Vec<Value> {
        self.ask(json!({"event": name, "channel": channel, "data": data}))
            .await
    }

    /// The frames since the last take, as JSON.
    pub(crate) fn take(&mut self) -> Vec<Value> {
        self.take_texts()
            .iter()
            .map(|text| serde_json::from_str(text).unwrap())
            .collect()
    }

    /// The same, byte for byte.
    pub(crate) fn take_texts(&mut self) -> Vec<String> {
        std::mem::take(&mut self.world.state().seats[self.seat].frames)
    }

    /// The close code and reason, once the server has closed.
    pub(crate) fn closed(&self) -> Option<(u16, String)> {
        let state = self.world.state();
        state.seats[self.seat]
            .closed
            .as_ref()
            .map(|close| (close.code, close.reason.clone()))
    }

    /// The engine tells this connection something.
    pub(crate) fn hear(&mut self, event: Event) {
        self.world.tell(self.seat, event);
    }

    /// The engine ends this connection.
    pub(crate) fn end(&mut self, reason: CloseReason) {
        self.world.end(self.seat, reason, None);
    }

    /// Whether it still works.
    pub(crate) async fn is_usable(&mut self) -> bool {
        let pong = json!({"event": "pusher:pong", "data": {}});
        self.ask(json!({"event": "pusher:ping", "data": {}})).await == [pong]
    }
}

/// The frame that confirms a subscription (c036).
pub(crate) fn succeeded(channel: &str) -> Value {
    json!({"event": "pusher_internal:subscription_succeeded", "channel": channel, "data": "{}"})
}

/// What holds for every frame of the server.
pub(crate) fn check_frame(text: &str) {
    let frame: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let frame = frame
        .as_object()
        .unwrap_or_else(|| panic!("c019, an object: {text}"));
    let event = frame["event"]
        .as_str()
        .unwrap_or_else(|| panic!("c019, a string event: {text}"));
    assert!(
        !frame.contains_key("channel") || frame.contains_key("data"),
        "c020, data: {text}"
    );
    let inner = match event {
        "pusher:error" => {
            let data = frame["data"]
                .as_object()
                .unwrap_or_else(|| panic!("c022, an object: {text}"));
            assert!(data["message"].is_string(), "c022, a message: {text}");
            assert!(
                data["code"].is_null() || data["code"].is_u64(),
                "c022, a code: {text}"
            );
            return;
        }
        "pusher:connection_established" | "pusher:subscription_error" => &frame["data"],
        internal if internal.starts_with("pusher_internal:") => &frame["data"],
        _ => return,
    };
    let inner: Value = serde_json::from_str(inner.as_str().expect("c021, a string")).unwrap();
    assert!(inner.is_object(), "c021, an object in the string: {text}");
}
