//! Whole numbers: JSON and its schemas know no difference between 5 and 5.0, so neither do we.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// For fields that are a whole number.
pub(super) fn whole<'de, D: Deserializer<'de>>(reader: D) -> Result<u64, D::Error> {
    Number::deserialize(reader).map(|Number(value)| value)
}

/// For fields that are a whole number or `null`.
pub(super) fn whole_or_null<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<Number>::deserialize(reader)?.map(|Number(value)| value))
}

struct Number(u64);

struct Whole;

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_u64(Whole)
    }
}

impl Visitor<'_> for Whole {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0 on")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
        // Up to 2^53 every whole number has its own float.
        if value.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&value) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked just above"
            )]
            return Ok(Number(value as u64));
        }
        Err(E::invalid_value(Unexpected::Float(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Two {
        #[serde(deserialize_with = "whole")]
        count: u64,
        #[serde(default, deserialize_with = "whole_or_null")]
        perhaps: Option<u64>,
    }

    #[test]
    fn a_number_is_whole_however_it_is_written() {
        let read = |text: &str| {
            serde_json::from_str::<Two>(text)
                .ok()
                .map(|two| (two.count, two.perhaps))
        };
        assert_eq!(read(r#"{"count": 5}"#), Some((5, None)));
        assert_eq!(
            read(r#"{"count": 5.0, "perhaps": 1e3}"#),
            Some((5, Some(1_000)))
        );
        assert_eq!(read(r#"{"count": 0, "perhaps": null}"#), Some((0, None)));
        for bad in ["5.5", "-1", "-1.0", "1e300", "\"5\"", "true", "[]"] {
            assert_eq!(read(&format!("{{\"count\": {bad}}}")), None, "{bad}");
            assert_eq!(
                read(&format!("{{\"count\": 1, \"perhaps\": {bad}}}")),
                None,
                "{bad}"
            );
        }
    }
}
