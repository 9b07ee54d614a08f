//! A message's headers: an object of texts.

use std::fmt;

use fanline_model::{ErrorCode, Header};
use fanline_protocol::Refusal;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// As many as any app may allow.
const MAX_HEADERS: usize = 64;
/// The longest name.
const MAX_NAME: usize = 64;
/// The longest value, in bytes.
const MAX_VALUE: usize = 1024;

/// Headers in the order they came.
#[derive(Debug)]
pub(crate) struct Headers(Vec<Header>);

struct HeadersVisitor;

// === impl Headers ===

impl Headers {
    /// Whether there are no more than the app allows.
    pub(crate) fn check(&self, limit: usize) -> Result<(), Refusal> {
        if self.0.len() > limit {
            let sentence = format!(
                "a message has at most {limit} headers, this one has {}",
                self.0.len()
            );
            return Err(Refusal::new(ErrorCode::TooMany, sentence));
        }
        Ok(())
    }

    pub(crate) fn to_vec(&self) -> Vec<Header> {
        self.0.clone()
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadersVisitor).map(Self)
    }
}

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Vec<Header>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("headers as an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut headers: Vec<Header> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, String>()? {
            if headers.len() == MAX_HEADERS {
                return Err(A::Error::custom(format_args!(
                    "a message has at most {MAX_HEADERS} headers"
                )));
            }
            if !is_name(&name) {
                let sentence =
                    format_args!("a header name has 1 to {MAX_NAME} characters of a-z 0-9 - _ .");
                return Err(A::Error::custom(sentence));
            }
            if value.len() > MAX_VALUE || value.chars().any(char::is_control) {
                let sentence = format_args!(
                    "a header value has at most {MAX_VALUE} bytes and no control characters"
                );
                return Err(A::Error::custom(sentence));
            }
            if headers.iter().any(|header| *header.name == *name) {
                return Err(A::Error::custom(format_args!(
                    "the header {name} stands there twice"
                )));
            }
            headers.push(Header {
                name: name.into(),
                value: value.into(),
            });
        }
        Ok(headers)
    }
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.')
    };
    (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_texts_under_plain_names_each_once() {
        let read = |json| serde_json::from_str::<Headers>(json);
        assert!(read(r#"{"trace-id":"1","x.y_z":""}"#).is_ok());
        for json in [
            r#"{"A":"1"}"#,
            r#"{"":"1"}"#,
            r#"{"a":1}"#,
            r#"{"a":"\n"}"#,
            r#"{"a":"1","a":"2"}"#,
            "[]",
        ] {
            assert!(read(json).is_err(), "{json}");
        }
        let many: Vec<String> = (0..65).map(|n| format!("\"h{n}\":\"\"")).collect();
        assert!(read(&format!("{{{}}}", many.join(","))).is_err());
    }
}
