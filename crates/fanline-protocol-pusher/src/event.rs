//! A channel's message as Pusher's listeners read it, encoded once for all of them.
//!
//! One message in two protocols (docs/protocol/pusher.md): the data is a string that holds the text of a
//! JSON payload, the text itself, or base64. Only what clients publish among themselves is a JSON value,
//! under a name with `client-` before it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanline_model::{Channel, Message, Payload, PayloadKind};
use fanline_protocol::Frame;

use crate::json::{push_quoted, quoted_len};
use crate::name::{Family, USER_PREFIX};

/// What a message without a name is called.
const NAMELESS: &str = "message";

/// What the names of clients' own events begin with; the model's names do not.
pub(crate) const CLIENT_PREFIX: &str = "client-";

/// The frame of a message, in one allocation of exactly its length.
pub(crate) fn encode(channel: &Channel, message: &Message) -> Frame {
    let parts = parts(channel, message);
    let length = parts.iter().map(Part::len).sum();
    let mut text = String::with_capacity(length);
    parts.iter().for_each(|part| part.push(&mut text));
    debug_assert_eq!(text.len(), length);
    Frame::text(text)
}

/// A channel as Pusher writes it.
pub(crate) fn channel_text(channel: &Channel) -> Cow<'_, str> {
    match channel {
        Channel::Named(name) => Cow::Borrowed(name.as_str()),
        Channel::User(user) => Cow::Owned(format!("{USER_PREFIX}{user}")),
    }
}

/// A piece of a frame.
enum Part<'a> {
    /// JSON as it stands.
    Raw(&'a str),
    /// A string of these two texts; the first needs no escape.
    Quoted(&'static str, &'a str),
    /// A string of these bytes.
    Base64(&'a [u8]),
}

fn parts<'a>(channel: &'a Channel, message: &'a Message) -> [Part<'a>; 9] {
    let draft = &message.draft;
    let by_client = draft.ephemeral && draft.origin.connection.is_some();
    let name = Part::Quoted(
        if by_client { CLIENT_PREFIX } else { "" },
        draft.name.as_deref().unwrap_or(NAMELESS),
    );
    // Who sent it is told on presence channels alone, and only of clients.
    let told = by_client
        && channel
            .name()
            .is_some_and(|name| Family::of(name.as_str()).is_presence());
    let (user_id, member) = match draft.origin.client_id.as_ref().filter(|_| told) {
        Some(member) => (r#","user_id":"#, Part::Quoted("", member.as_str())),
        None => ("", Part::Raw("")),
    };
    let channel = match channel {
        Channel::Named(name) => Part::Quoted("", name.as_str()),
        Channel::User(user) => Part::Quoted(USER_PREFIX, user.as_str()),
    };
    [
        Part::Raw(r#"{"event":"#),
        name,
        Part::Raw(r#","channel":"#),
        channel,
        Part::Raw(r#","data":"#),
        data(&draft.payload, by_client),
        Part::Raw(user_id),
        member,
        Part::Raw("}"),
    ]
}

fn data(payload: &Payload, by_client: bool) -> Part<'_> {
    match (payload.as_text(), payload.kind) {
        (Some(text), PayloadKind::Json) if by_client => Part::Raw(text),
        (Some(text), _) => Part::Quoted("", text),
        // Also what somebody called text and is none: nobody is sent a broken frame for it.
        (None, _) => Part::Base64(&payload.bytes),
    }
}

// === impl Part ===

impl Part<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Raw(text) => text.len(),
            Self::Quoted(prefix, text) => prefix.len() + quoted_len(text),
            Self::Base64(bytes) => bytes.len().div_ceil(3) * 4 + 2,
        }
    }

    fn push(&self, out: &mut String) {
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Quoted(prefix, text) => push_quoted(out, prefix, text),
            Self::Base64(bytes) => {
                out.push('"');
                STANDARD.encode_string(bytes, out);
                out.push('"');
            }
        }
    }
}
