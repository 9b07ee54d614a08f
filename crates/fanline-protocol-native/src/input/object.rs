//! Objects only: serde's derive takes an array in an object's place, and a contract must not.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A `T` that was written as an object.
#[derive(Debug)]
pub(crate) struct AsObject<T>(pub(crate) T);

struct ObjectVisitor<T>(PhantomData<T>);

impl<T> Deref for AsObject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for AsObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = AsObject<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(AsObject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct One {
        #[serde(rename = "a")]
        _a: u8,
    }

    #[test]
    fn an_array_is_no_object() {
        assert!(
            serde_json::from_str::<One>("[1]").is_ok(),
            "what serde does by itself"
        );
        assert!(serde_json::from_str::<AsObject<One>>("[1]").is_err());
        assert!(serde_json::from_str::<AsObject<One>>(r#"{"a":1}"#).is_ok());
    }
}
