//! Which JSON every reader takes: no half of a surrogate pair, no number beyond a double, no deep nesting.
//!
//! The grammar allows more (RFC 8259, 7 to 9). But what one client publishes is put as it stands into the
//! frames of others, and a parser that gives up costs its client the connection.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A JSON value that every reader takes (RFC 7493). Nothing is kept of it: deserialising one answers
/// whether the text is such a value.
#[derive(Clone, Copy, Debug)]
pub struct ReadableJson;

// === impl ReadableJson ===

impl<'de> Deserialize<'de> for ReadableJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for ReadableJson {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_readable(text: &str) -> bool {
        serde_json::from_str::<ReadableJson>(text).is_ok()
    }

    #[test]
    fn what_some_parser_would_choke_on_is_not_readable() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for text in [
            "",
            "{",
            "1 2",
            r#""\ud800""#,
            r#"{"\ud800":1}"#,
            "1e999",
            "NaN",
            &deep,
        ] {
            assert!(!is_readable(text), "{text:.40}");
        }
    }

    #[test]
    fn every_kind_of_value_is_readable() {
        let pair = r#""\ud83d\ude00""#;
        for text in [
            "null",
            "true",
            " 12 ",
            "-0.0",
            "1e300",
            r#""x""#,
            pair,
            "[]",
            r#"{"a":[{"b":null}]}"#,
        ] {
            assert!(is_readable(text), "{text}");
        }
    }
}
