//! Events into frames.
//!
//! Every frame is one JSON object on one line, `type` first. Fields that do not apply are left out, but
//! for `from` and `head`, which are `null` where the namespace keeps no log.

mod answer;
mod continuity;
mod hello;
mod message;

pub(crate) use answer::{accepted, published, refreshed, refusal, unchanged_reason, unsubscribed};
pub(crate) use continuity::{caught_up, continuity, continuity_fields, skipped, subscribed};
pub(crate) use hello::{Hello, closing, connected, degraded, ping, pong, renew};
pub(crate) use message::{message_fields, message_frame};

use fanline_protocol::Frame;

use crate::json::Object;

/// A frame for one connection; `write` adds what follows `type`.
fn frame(kind: &str, write: impl FnOnce(&mut Object<'_, Vec<u8>>)) -> Frame {
    let mut text = Vec::with_capacity(160);
    let mut object = Object::frame(&mut text, kind);
    write(&mut object);
    object.end();
    Frame::Text(text.into())
}
