//! The frames about the connection itself.

use std::time::Duration;

use fanline_model::{CloseReason, Comeback, ConnectionId, Limits, Timestamp, UserId};
use fanline_protocol::{Frame, Tag};

use super::frame;
use crate::json::{Object, Sink as _};
use crate::protocol::LIVENESS;

/// What a client may count on, by name; what is missing here is not built (`docs/protocol/native.md`).
const FEATURES: &[&str] = &[
    "cursor",
    "rewind",
    "refresh",
    "echo",
    "publish",
    "ephemeral",
    "conditional_publish",
    "connection_key",
];

/// What `connected` says.
pub(crate) struct Hello<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) connection_key: &'a str,
    pub(crate) kept: bool,
    pub(crate) subject: Option<&'a UserId>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) limits: &'a Limits,
}

/// `connected`.
pub(crate) fn connected(hello: &Hello<'_>, tag: &Tag) -> Frame {
    frame("connected", |object| {
        object.maybe_raw("id", tag.as_deref());
        object.string("connection_id", &hello.connection.to_string());
        object.string("connection_key", hello.connection_key);
        object.boolean("kept", hello.kept);
        object.number("heartbeat_ms", millis(LIVENESS.idle));
        object.maybe_number("expires_at", hello.expires_at.map(Timestamp::as_millis));
        object.maybe_string("subject", hello.subject.map(UserId::as_str));
        limits(object, hello.limits);
        object.list("features", FEATURES, |sink, feature| sink.string(feature));
    })
}

fn limits(object: &mut Object<'_, Vec<u8>>, limits: &Limits) {
    let mut inner = Object::begin(object.key("limits"));
    for (name, count) in [
        ("frame_bytes", limits.frame_bytes),
        ("message_bytes", limits.message_bytes),
        ("subscriptions_per_frame", limits.subscriptions_per_frame),
        ("channels_per_connection", limits.channels_per_connection),
        ("headers", limits.headers),
        ("header_bytes", limits.header_bytes),
    ] {
        inner.number(name, count as u64);
    }
    inner.number(
        "client_events_per_second",
        u64::from(limits.client_events_per_second),
    );
    inner.end();
}

/// `renew`: the credential ends soon.
pub(crate) fn renew(expires_at: Timestamp, within: Duration) -> Frame {
    frame("renew", |object| {
        object.number("expires_at", expires_at.as_millis());
        object.number("within_ms", millis(within));
    })
}

/// `ping`, which the client answers.
pub(crate) fn ping() -> Frame {
    frame("ping", |_| {})
}

/// `pong`, which answers the client's own `ping`.
pub(crate) fn pong(tag: &Tag) -> Frame {
    frame("pong", |object| object.maybe_raw("id", tag.as_deref()))
}

/// `degraded`: messages may come late, or no longer.
pub(crate) fn degraded(degraded: bool) -> Frame {
    frame("degraded", |object| object.boolean("degraded", degraded))
}

/// `closing`: the last frame before the close frame, with room for a sentence.
pub(crate) fn closing(
    reason: CloseReason,
    detail: Option<&str>,
    retry_after: Option<Duration>,
) -> Frame {
    frame("closing", |object| {
        object.number("code", u64::from(reason.code()));
        object.string("reason", reason.name());
        object.string("message", detail.unwrap_or(reason.sentence()));
        object.boolean("reconnect", reason.comeback() != Comeback::Changed);
        object.maybe_number(
            "retry_after_ms",
            retry_after.or(reason.retry_after()).map(millis),
        );
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
