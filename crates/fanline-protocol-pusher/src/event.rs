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

const EVENT: &str = r#"{"event":"#;
const CHANNEL: &str = r#","channel":"#;
const DATA: &str = r#","data":"#;
const USER_ID: &str = r#","user_id":"#;

/// The frame of a message. One allocation; nothing is parsed or serialized.
pub(crate) fn encode(channel: &Channel, message: &Message) -> Frame {
    let draft = &message.draft;
    let by_client = draft.ephemeral && draft.origin.connection.is_some();
    let name = draft.name.as_deref().unwrap_or(NAMELESS);
    let name = if by_client {
        Cow::Owned([CLIENT_PREFIX, name].concat())
    } else {
        Cow::Borrowed(name)
    };
    let channel = channel_text(channel);
    let data = data(&draft.payload, by_client);
    // Who sent it is told on presence channels alone, and only of clients.
    let member = draft
        .origin
        .client_id
        .as_ref()
        .filter(|_| by_client && Family::of(&channel).is_presence());

    let mut length = EVENT.len() + quoted_len(&name) + CHANNEL.len() + quoted_len(&channel);
    length += DATA.len() + data.len() + "}".len();
    length += member.map_or(0, |member| USER_ID.len() + quoted_len(member.as_str()));

    let mut text = String::with_capacity(length);
    text.push_str(EVENT);
    push_quoted(&mut text, &name);
    text.push_str(CHANNEL);
    push_quoted(&mut text, &channel);
    text.push_str(DATA);
    data.push(&mut text);
    if let Some(member) = member {
        text.push_str(USER_ID);
        push_quoted(&mut text, member.as_str());
    }
    text.push('}');
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

/// The value of `data`.
enum Data<'a> {
    /// A JSON text that stands as it is.
    Raw(&'a str),
    /// A string.
    Quoted(Cow<'a, str>),
}

fn data(payload: &Payload, by_client: bool) -> Data<'_> {
    match (payload.as_text(), payload.kind) {
        (Some(text), PayloadKind::Json) if by_client => Data::Raw(text),
        (Some(text), _) => Data::Quoted(Cow::Borrowed(text)),
        (None, _) => Data::Quoted(Cow::Owned(STANDARD.encode(&payload.bytes))),
    }
}

// === impl Data ===

impl Data<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Raw(text) => text.len(),
            Self::Quoted(text) => quoted_len(text),
        }
    }

    fn push(&self, out: &mut String) {
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Quoted(text) => push_quoted(out, text),
        }
    }
}
