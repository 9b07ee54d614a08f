//! Whole numbers as JSON Schema has them: `33.0` is one, and some languages write it so.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A number from 0 to 2^53 - 1, beyond which not every reader counts exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole(pub(crate) u64);

struct WholeVisitor;

// === impl Whole ===

impl Whole {
    const MAX: u64 = (1 << 53) - 1;
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(WholeVisitor).map(Self)
    }
}

impl Visitor<'_> for WholeVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 0 to {}", Whole::MAX)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        if number <= Whole::MAX {
            Ok(number)
        } else {
            Err(E::invalid_value(Unexpected::Unsigned(number), &self))
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
        let whole = number.fract() == 0.0 && (0.0..=Whole::MAX as f64).contains(&number);
        if whole {
            Ok(number as u64)
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let read = |text| {
            serde_json::from_str::<Whole>(text)
                .ok()
                .map(|whole| whole.0)
        };
        assert_eq!(read("33.0"), Some(33));
        assert_eq!(read("1e3"), Some(1000));
        assert_eq!(read("9007199254740991"), Some(9_007_199_254_740_991));
        for text in [
            "9007199254740992",
            "9007199254740992.0",
            "-1",
            "-1.0",
            "0.5",
            "1e300",
            "\"1\"",
            "null",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
