//! Lists whose length is checked before anything is made of their elements.

use std::fmt;

use fanline_model::ErrorCode;
use fanline_protocol::Refusal;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The most elements of any list, whatever an app allows. What comes after them is counted only.
const MAX_ENTRIES: usize = 10_000;

/// The elements of a list, not yet read.
#[derive(Debug, Default)]
pub(crate) struct Entries<'a> {
    kept: Vec<&'a RawValue>,
    count: usize,
}

struct EntriesVisitor;

// === impl Entries ===

impl<'a> Entries<'a> {
    /// The elements, unless there are more than `limit`. `what` names them in the refusal.
    pub(crate) fn within(self, limit: usize, what: &str) -> Result<Vec<&'a RawValue>, Refusal> {
        let limit = limit.min(MAX_ENTRIES);
        if self.count > limit {
            let sentence = format!(
                "there are {} {what} at once, at most {limit} are allowed: send them in parts",
                self.count
            );
            return Err(Refusal::new(ErrorCode::TooMany, sentence));
        }
        Ok(self.kept)
    }

    /// The JSON text of each element.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.kept.iter().map(|entry| entry.get())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut entries = Entries::default();
        while entries.kept.len() < MAX_ENTRIES {
            let Some(entry) = seq.next_element()? else {
                return Ok(entries);
            };
            entries.kept.push(entry);
            entries.count += 1;
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            entries.count += 1;
        }
        Ok(entries)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_whole_list_is_counted_and_its_limit_named() {
        let list = format!("[{}1]", "1,".repeat(20_000));
        let refusal = serde_json::from_str::<Entries<'_>>(&list)
            .unwrap()
            .within(200, "subscriptions")
            .unwrap_err();
        assert_eq!(refusal.code, ErrorCode::TooMany);
        assert_eq!(
            refusal.detail,
            "there are 20001 subscriptions at once, at most 200 are allowed: send them in parts"
        );
        assert_eq!(
            serde_json::from_str::<Entries<'_>>("[1,{}]")
                .unwrap()
                .within(2, "x")
                .unwrap()
                .len(),
            2
        );
    }
}
