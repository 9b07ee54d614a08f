//! A message as clients and backends hand it in, the same over sockets and HTTP.
//!
//! What is checked here is form: that the payload is of its kind, and that names are names. Rights, sizes
//! and rates are the engine's.

mod entries;
mod headers;
mod object;
mod payload;
mod whole;

pub(crate) use entries::Entries;
pub(crate) use object::AsObject;
pub(crate) use whole::Whole;

use std::sync::Arc;

use fanline_broker::Condition;
use fanline_model::{Channel, ErrorCode, Limits, MessageId, UserId, validate_event_name};
use fanline_protocol::{Item, Refusal};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use self::headers::Headers;
use crate::position::PositionText;

/// The longest message key, in bytes.
const MAX_KEY_BYTES: usize = 200;

/// The fields of one message. Unknown ones are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct MessageFields<'a> {
    /// The message's own id in frames, where `id` is the client's mark.
    pub(crate) message_id: Option<String>,
    name: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    encoding: Option<String>,
    key: Option<String>,
    headers: Option<Headers>,
    client_id: Option<String>,
    #[serde(default)]
    ephemeral: bool,
    #[serde(default)]
    removed: bool,
    if_position: Option<AsObject<PositionText>>,
    #[serde(default)]
    unless_equal: bool,
    version: Option<Whole>,
}

/// Reads an object of JSON, and says in one sentence what is wrong with it.
pub(crate) fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, Refusal> {
    match serde_json::from_str(json) {
        Ok(AsObject(value)) => Ok(value),
        Err(error) => Err(Refusal::new(ErrorCode::InvalidRequest, sentence(&error))),
    }
}

// === impl MessageFields ===

impl MessageFields<'_> {
    /// The message for this channel, with the id that the publisher gave.
    pub(crate) fn item_for(
        &self,
        channel: &Channel,
        id: Option<&str>,
        limits: &Limits,
    ) -> Result<Item, Refusal> {
        let item = self.item(id, limits)?;
        check_data(channel, &item)?;
        Ok(item)
    }

    /// The message for any channel; [`check_data`] says whether a channel takes it.
    pub(crate) fn item(&self, id: Option<&str>, limits: &Limits) -> Result<Item, Refusal> {
        if let Some(headers) = &self.headers {
            headers.check(limits.headers)?;
        }
        if let Some(name) = &self.name {
            validate_event_name(name)
                .map_err(|error| Refusal::new(ErrorCode::InvalidName, error.to_string()))?;
        }
        let payload = payload::read(self.data, self.encoding.as_deref())?;
        Ok(Item {
            id: id.map(MessageId::parse).transpose().map_err(invalid)?,
            name: self.name.as_deref().map(Arc::from),
            key: self.key.as_deref().map(key).transpose()?,
            client_id: self
                .client_id
                .as_deref()
                .map(UserId::parse)
                .transpose()
                .map_err(invalid)?,
            headers: self.headers.as_ref().map_or_else(Vec::new, Headers::to_vec),
            ephemeral: self.ephemeral,
            removed: self.removed,
            ..Item::new(payload)
        })
    }

    /// What must hold, or nothing happens.
    pub(crate) fn condition(&self) -> Result<Option<Condition>, Refusal> {
        let equal = self.unless_equal.then_some(Condition::UnlessEqual);
        let version = self.version.map(|version| Condition::Version(version.0));
        let position = self
            .if_position
            .as_ref()
            .map(|position| position.read())
            .transpose()?
            .map(Condition::IfPosition);
        let mut given = [position, equal, version].into_iter().flatten();
        match (given.next(), given.next()) {
            (condition, None) => Ok(condition),
            _ => {
                let sentence = "give one of if_position, unless_equal and version, not several";
                Err(Refusal::new(ErrorCode::InvalidRequest, sentence))
            }
        }
    }
}

/// Whether the channel takes the message's data: an encrypted one takes nothing plain.
pub(crate) fn check_data(channel: &Channel, item: &Item) -> Result<(), Refusal> {
    payload::check_encrypted(channel, &item.payload)
}

/// Reads a channel's text.
pub(crate) fn channel(text: &str) -> Result<Channel, Refusal> {
    Channel::parse(text).map_err(|error| Refusal::new(ErrorCode::InvalidChannel, error.to_string()))
}

fn key(text: &str) -> Result<Arc<str>, Refusal> {
    if text.is_empty() || text.len() > MAX_KEY_BYTES || text.chars().any(char::is_control) {
        let sentence =
            format!("a message key has 1 to {MAX_KEY_BYTES} bytes and no control characters");
        return Err(Refusal::new(ErrorCode::InvalidRequest, sentence));
    }
    Ok(text.into())
}

fn invalid(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, error.to_string())
}

/// `null` is a value, unlike no value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// serde's words about a fault, without the text that the fault is in: it may be a token in a wrong place.
pub(crate) fn sentence(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let hidden = match (words.find("string \""), words.rfind("\", expected")) {
        (Some(start), Some(end)) if start + 8 <= end => {
            format!("{}a string{}", &words[..start], &words[end + 1..])
        }
        _ => words,
    };
    match error.classify() {
        serde_json::error::Category::Data => hidden,
        _ => format!("this is not JSON: {hidden}"),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use fanline_model::{Epoch, Payload, Position};

    use super::*;

    fn read(json: &str) -> Result<(Item, Option<Condition>), Refusal> {
        let fields: MessageFields<'_> = parse(json)?;
        Ok((fields.item(None, &Limits::default())?, fields.condition()?))
    }

    #[test]
    fn a_payload_is_kept_as_it_was_written() {
        let (item, _) = read(r#"{"data": { "a" : 1.50 } }"#).unwrap();
        assert_eq!(item.payload, Payload::json(r#"{ "a" : 1.50 }"#));
        assert_eq!(
            read(r#"{"data":null}"#).unwrap().0.payload,
            Payload::json("null")
        );
        assert_eq!(
            read(r#"{"data":"a\nb","encoding":"text"}"#)
                .unwrap()
                .0
                .payload,
            Payload::text("a\nb")
        );
        assert_eq!(
            read(r#"{"data":"AAE=","encoding":"base64"}"#)
                .unwrap()
                .0
                .payload,
            Payload::bytes(vec![0, 1])
        );
    }

    #[test]
    fn one_condition_may_be_asked_for_and_no_more() {
        let condition =
            |fields: &str| read(&format!(r#"{{"data":1,{fields}}}"#)).map(|read| read.1);
        let position = Position::new(Epoch::from_u64(1), 2);
        assert_eq!(
            condition(r#""if_position":{"epoch":"0000000000000001","seq":2}"#).unwrap(),
            Some(Condition::IfPosition(position))
        );
        assert_eq!(
            condition(r#""unless_equal":true"#).unwrap(),
            Some(Condition::UnlessEqual)
        );
        assert_eq!(
            condition(r#""version":3,"unless_equal":false"#).unwrap(),
            Some(Condition::Version(3))
        );
        assert_eq!(
            condition(r#""version":3,"unless_equal":true"#)
                .unwrap_err()
                .code,
            ErrorCode::InvalidRequest
        );
        assert_eq!(
            condition(r#""version":9007199254740992"#).unwrap_err().code,
            ErrorCode::InvalidRequest
        );
    }

    #[test]
    fn each_fault_has_its_code() {
        for (json, code) in [
            ("{", ErrorCode::InvalidRequest),
            (r#"{"data":1,"name":"pusher:x"}"#, ErrorCode::InvalidName),
            (r#"{"name":"x"}"#, ErrorCode::InvalidData),
            (r#"{"data":1,"encoding":"text"}"#, ErrorCode::InvalidData),
            (r#"{"data":1,"key":""}"#, ErrorCode::InvalidRequest),
            (
                r#"{"data":1,"client_id":"\u0000"}"#,
                ErrorCode::InvalidRequest,
            ),
        ] {
            assert_eq!(read(json).unwrap_err().code, code, "{json}");
        }
    }

    #[test]
    fn a_fault_never_repeats_a_text_that_may_be_secret() {
        let refusal = read(r#"{"data":1,"version":"eyJhbGciOi.secret"}"#).unwrap_err();
        assert_eq!(
            refusal.detail,
            "invalid type: a string, expected a whole number from 0 to 9007199254740991 at line 1 column 39"
        );
    }
}
