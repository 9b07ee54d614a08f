//! Messages: what a publisher hands in, and what the channel made of it.

use std::sync::Arc;

use bytes::Bytes;

use crate::clock::Timestamp;
use crate::id::{ConnectionId, MessageId};
use crate::position::{Fork, Position};
use crate::user::UserId;

/// What kind of payload a message carries. The bytes are kept as they came, whatever the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadKind {
    /// One JSON value, its text kept byte for byte.
    Json,
    /// UTF-8 text.
    Text,
    /// Arbitrary bytes.
    Bytes,
}

/// A payload: kind and bytes. Whoever makes one has checked that the bytes are of the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// How to read the bytes.
    pub kind: PayloadKind,
    /// The bytes, shared by every listener.
    pub bytes: Bytes,
}

/// One header of a message: a name and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name, lower case.
    pub name: Box<str>,
    /// The value.
    pub value: Box<str>,
}

/// Who sent a message and who must not get it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The connection it was published on.
    pub connection: Option<ConnectionId>,
    /// A connection that is left out (`echo: false`, Pusher's `socket_id`).
    pub exclude: Option<ConnectionId>,
    /// The verified subject of the publisher, or the one an API key named.
    pub client_id: Option<UserId>,
}

/// What a publisher hands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The message's id; made by the server if the publisher gave none.
    pub id: MessageId,
    /// The event name. Names that begin with `pusher:`, `pusher_internal:` or `fanline:` are refused.
    pub name: Option<Arc<str>>,
    /// The key whose last value the message becomes.
    pub key: Option<Arc<str>>,
    /// The payload.
    pub payload: Payload,
    /// Sender and exclusion.
    pub origin: Origin,
    /// Free headers, at most [`Limits::headers`](crate::Limits::headers).
    pub headers: Vec<Header>,
    /// Not logged, no seq, outside the promise.
    pub ephemeral: bool,
    /// Deletes its key's last value.
    pub removed: bool,
    /// W3C `traceparent` of the publish call.
    pub traceparent: Option<Box<str>>,
    /// Protocols' own attributes, by protocol name: opaque to the engine and kept verbatim.
    pub attributes: Vec<(Box<str>, Bytes)>,
}

/// A message as its channel published it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What the publisher handed in.
    pub draft: Draft,
    /// When the broker took it.
    pub timestamp: Timestamp,
    /// Its place in the channel, if the namespace keeps a log and the message is not ephemeral.
    pub position: Option<Position>,
    /// The fork that the epoch of `position` began with, on the first message after it.
    pub fork: Option<Fork>,
}

/// Why a text is no event name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Empty or longer than 200 bytes.
    #[error("an event name has 1 to 200 bytes")]
    Length,
    /// Control characters.
    #[error("an event name holds no control characters")]
    Control,
    /// A name the system speaks with.
    #[error("names that begin with {0} are the system's own; choose another")]
    Reserved(&'static str),
}

/// Checks an event name at the engine's door, for every protocol: nobody speaks as the system.
pub fn validate_event_name(name: &str) -> Result<(), InvalidName> {
    if name.is_empty() || name.len() > 200 {
        return Err(InvalidName::Length);
    }
    if name.chars().any(char::is_control) {
        return Err(InvalidName::Control);
    }
    match ["pusher:", "pusher_internal:", "fanline:"]
        .into_iter()
        .find(|prefix| name.starts_with(prefix))
    {
        Some(prefix) => Err(InvalidName::Reserved(prefix)),
        None => Ok(()),
    }
}

// === impl Draft ===

impl Draft {
    /// A draft of this payload with nothing else said.
    pub fn new(id: MessageId, payload: Payload) -> Self {
        Self {
            id,
            name: None,
            key: None,
            payload,
            origin: Origin::default(),
            headers: Vec::new(),
            ephemeral: false,
            removed: false,
            traceparent: None,
            attributes: Vec::new(),
        }
    }

    /// What the message weighs in a log or a queue, in bytes: payload and texts, and a fixed part.
    pub fn weight(&self) -> usize {
        let texts = self.name.as_ref().map_or(0, |name| name.len())
            + self.key.as_ref().map_or(0, |key| key.len());
        let headers: usize = self
            .headers
            .iter()
            .map(|header| header.name.len() + header.value.len())
            .sum();
        let attributes: usize = self
            .attributes
            .iter()
            .map(|(name, bytes)| name.len() + bytes.len())
            .sum();
        128 + self.id.as_str().len() + texts + headers + attributes + self.payload.bytes.len()
    }
}

// === impl Payload ===

impl Payload {
    /// A JSON payload; the caller has checked that the text is one JSON value.
    pub fn json(text: impl Into<Bytes>) -> Self {
        Self {
            kind: PayloadKind::Json,
            bytes: text.into(),
        }
    }

    /// A text payload.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            kind: PayloadKind::Text,
            bytes: text.into().into(),
        }
    }

    /// A payload of bytes.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self {
            kind: PayloadKind::Bytes,
            bytes: bytes.into(),
        }
    }

    /// The bytes as text, for `json` and `text`; `None` for `bytes` (and for what was never checked).
    pub fn as_text(&self) -> Option<&str> {
        match self.kind {
            PayloadKind::Json | PayloadKind::Text => std::str::from_utf8(&self.bytes).ok(),
            PayloadKind::Bytes => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_speaks_as_the_system() {
        for name in [
            "pusher:x",
            "pusher_internal:subscription_succeeded",
            "fanline:position",
        ] {
            assert!(
                matches!(validate_event_name(name), Err(InvalidName::Reserved(_))),
                "{name}"
            );
        }
        assert_eq!(validate_event_name("pusherish"), Ok(()));
        assert_eq!(validate_event_name(""), Err(InvalidName::Length));
        assert_eq!(validate_event_name("a\nb"), Err(InvalidName::Control));
    }
}
