//! Reading an envelope.

use bytes::Bytes;
use fanline_model::{
    ConnectionId, Draft, Epoch, Fork, Header, Message, MessageId, Payload, PayloadKind, Position,
    Timestamp, UserId,
};

use super::{MAX_BYTES, MAX_REPEATS, VERSION, flag, kind, tag};
use crate::wire::Reader;

/// Why bytes are no envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Written by a version that this reader does not know.
    #[error(
        "the envelope has version {0}, this node reads version {VERSION}: upgrade this node first"
    )]
    Version(u8),
    /// A part is not what it must be, or ends too early.
    #[error("the envelope's {0} is damaged or cut short")]
    Damaged(&'static str),
    /// Larger than any message.
    #[error("the envelope has more than {MAX_BYTES} bytes or {MAX_REPEATS} headers or attributes")]
    TooLarge,
}

/// Reads a message. Payload and attributes share the input.
pub fn decode(input: Bytes) -> Result<Message, EnvelopeError> {
    if input.len() > MAX_BYTES {
        return Err(EnvelopeError::TooLarge);
    }
    let mut rest = Reader(input);
    let version = whole("version", rest.byte())?;
    if version != VERSION {
        return Err(EnvelopeError::Version(version));
    }
    let flags = whole("flags", rest.byte())?;
    let id = id(&whole("id", rest.sized())?)?;
    let payload = payload(flags, whole("payload", rest.sized())?)?;

    let mut draft = Draft::new(id, payload);
    draft.ephemeral = flags & flag::EPHEMERAL != 0;
    draft.removed = flags & flag::REMOVED != 0;
    let mut place = Place::default();
    while !rest.is_empty() {
        let tag = whole("fields", rest.byte())?;
        let value = whole("fields", rest.sized())?;
        read_field(&mut draft, &mut place, tag, value)?;
    }
    let timestamp = whole("timestamp", place.timestamp)?;
    if draft.ephemeral && place.position.is_some()
        || place.fork.is_some() && place.position.is_none()
    {
        return Err(EnvelopeError::Damaged("position"));
    }
    Ok(Message {
        draft,
        timestamp,
        position: place.position,
        fork: place.fork,
    })
}

/// What the broker added.
#[derive(Default)]
struct Place {
    timestamp: Option<Timestamp>,
    position: Option<Position>,
    fork: Option<Fork>,
}

fn read_field(
    draft: &mut Draft,
    place: &mut Place,
    tag: u8,
    value: Bytes,
) -> Result<(), EnvelopeError> {
    match tag {
        tag::NAME => once("name", &mut draft.name, text("name", &value)?),
        tag::KEY => once("key", &mut draft.key, text("key", &value)?),
        tag::CLIENT_ID => once("client_id", &mut draft.origin.client_id, user(&value)?),
        tag::CONNECTION => once(
            "origin connection",
            &mut draft.origin.connection,
            connection("origin connection", &value)?,
        ),
        tag::EXCLUDE => once(
            "excluded connection",
            &mut draft.origin.exclude,
            connection("excluded connection", &value)?,
        ),
        tag::HEADER => {
            let (name, value) = pair("header", value)?;
            let value = text("header", &value)?;
            repeat(&mut draft.headers, Header { name, value })
        }
        tag::TRACEPARENT => once(
            "traceparent",
            &mut draft.traceparent,
            text("traceparent", &value)?,
        ),
        tag::ATTRIBUTE => repeat(&mut draft.attributes, pair("attribute", value)?),
        tag::TIMESTAMP => once("timestamp", &mut place.timestamp, timestamp(&value)?),
        tag::POSITION => once("position", &mut place.position, position(&value)?),
        tag::FORK => once("fork", &mut place.fork, fork(&value)?),
        // A field of a later version.
        _ => Ok(()),
    }
}

fn whole<T>(what: &'static str, part: Option<T>) -> Result<T, EnvelopeError> {
    part.ok_or(EnvelopeError::Damaged(what))
}

fn once<T>(what: &'static str, field: &mut Option<T>, value: T) -> Result<(), EnvelopeError> {
    whole(what, field.replace(value).is_none().then_some(()))
}

fn repeat<T>(list: &mut Vec<T>, value: T) -> Result<(), EnvelopeError> {
    if list.len() == MAX_REPEATS {
        return Err(EnvelopeError::TooLarge);
    }
    list.push(value);
    Ok(())
}

fn payload(flags: u8, bytes: Bytes) -> Result<Payload, EnvelopeError> {
    if flags & !(flag::KIND | flag::EPHEMERAL | flag::REMOVED) != 0 {
        return Err(EnvelopeError::Damaged("flags"));
    }
    let kind = match flags & flag::KIND {
        kind::JSON => PayloadKind::Json,
        kind::TEXT => PayloadKind::Text,
        kind::BYTES => PayloadKind::Bytes,
        _ => return Err(EnvelopeError::Damaged("kind")),
    };
    if kind != PayloadKind::Bytes && std::str::from_utf8(&bytes).is_err() {
        return Err(EnvelopeError::Damaged("payload"));
    }
    Ok(Payload { kind, bytes })
}

fn id(value: &[u8]) -> Result<MessageId, EnvelopeError> {
    whole("id", MessageId::parse(utf8("id", value)?).ok())
}

fn user(value: &[u8]) -> Result<UserId, EnvelopeError> {
    whole("client_id", UserId::parse(utf8("client_id", value)?).ok())
}

fn text<T: for<'a> From<&'a str>>(what: &'static str, value: &[u8]) -> Result<T, EnvelopeError> {
    utf8(what, value).map(T::from)
}

fn utf8<'a>(what: &'static str, value: &'a [u8]) -> Result<&'a str, EnvelopeError> {
    whole(what, std::str::from_utf8(value).ok())
}

fn connection(what: &'static str, value: &[u8]) -> Result<ConnectionId, EnvelopeError> {
    let (left, right) = two_numbers(what, value)?;
    Ok(ConnectionId::from_parts(left, right))
}

fn timestamp(value: &[u8]) -> Result<Timestamp, EnvelopeError> {
    let millis = whole("timestamp", value.try_into().ok())?;
    Ok(Timestamp::from_millis(u64::from_be_bytes(millis)))
}

fn position(value: &[u8]) -> Result<Position, EnvelopeError> {
    match two_numbers("position", value)? {
        (0, _) | (_, 0) => Err(EnvelopeError::Damaged("position")),
        (_, seq) if seq > Position::MAX_SEQ => Err(EnvelopeError::Damaged("position")),
        (epoch, seq) => Ok(Position::new(Epoch::from_u64(epoch), seq)),
    }
}

fn fork(value: &[u8]) -> Result<Fork, EnvelopeError> {
    match two_numbers("fork", value)? {
        (0, _) => Err(EnvelopeError::Damaged("fork")),
        (_, at) if at > Position::MAX_SEQ => Err(EnvelopeError::Damaged("fork")),
        (epoch, at) => Ok(Fork {
            epoch: Epoch::from_u64(epoch),
            at,
        }),
    }
}

fn two_numbers(what: &'static str, value: &[u8]) -> Result<(u64, u64), EnvelopeError> {
    let (first, second) = whole(what, value.split_first_chunk::<8>())?;
    let second = whole(what, second.try_into().ok())?;
    Ok((u64::from_be_bytes(*first), u64::from_be_bytes(second)))
}

fn pair(what: &'static str, value: Bytes) -> Result<(Box<str>, Bytes), EnvelopeError> {
    let mut rest = Reader(value);
    let name = whole(what, rest.sized())?;
    Ok((text(what, &name)?, rest.0))
}
