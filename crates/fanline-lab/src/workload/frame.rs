//! The frames of a native server, as a client reads them: unknown fields and types are ignored.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::payload::published;
use crate::log::{At, Continuity, LostReason, Published, SkipReason, Verdict};

/// Any frame; which fields it has depends on its type.
#[derive(Debug, Deserialize)]
pub(super) struct Frame<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(default)]
    pub(super) channel: Option<String>,
    /// A message's own id; the echo of ours in answers.
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    pub(super) connection_id: Option<String>,
    #[serde(default)]
    pub(super) connection_key: Option<String>,
    #[serde(default)]
    pub(super) heartbeat_ms: Option<u64>,
    #[serde(default)]
    continuity: Option<String>,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    forked_at: Option<At>,
    #[serde(default)]
    from: Option<At>,
    #[serde(default)]
    head: Option<At>,
    #[serde(default)]
    epoch: Option<String>,
    #[serde(default)]
    seq: Option<u64>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) count: Option<u64>,
    #[serde(default)]
    pub(super) through: Option<At>,
    /// A stable name in `error`, a number in `closing`.
    #[serde(borrow, default)]
    code: Option<&'a RawValue>,
}

impl<'a> Frame<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The verdict of `subscribed` and `continuity`, if it is one of those that there are.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let continuity = match self.continuity.as_deref()? {
            "fresh" => Continuity::Fresh,
            "kept" => Continuity::Kept,
            "forked" => Continuity::Forked {
                forked_at: self.forked_at.clone(),
            },
            "lost" => Continuity::Lost {
                reason: self.lost_reason(),
            },
            _ => return None,
        };
        Some(Verdict {
            continuity,
            from: self.from.clone(),
            head: self.head.clone(),
        })
    }

    /// The position of a `message`.
    pub(super) fn position(&self) -> Option<At> {
        Some(At {
            epoch: self.epoch.clone()?,
            seq: self.seq?,
        })
    }

    /// What a `message` is.
    pub(super) fn message(&self) -> Published {
        published(self.id.clone(), self.data.map_or("", RawValue::get))
    }

    pub(super) fn skip_reason(&self) -> Option<SkipReason> {
        match self.reason.as_deref()? {
            "slow" => Some(SkipReason::Slow),
            "conflated" => Some(SkipReason::Conflated),
            "excluded" => Some(SkipReason::Excluded),
            _ => None,
        }
    }

    /// The code of an `error` or `closing`, as text.
    pub(super) fn code(&self) -> String {
        let text = self.code.map_or("", RawValue::get);
        text.trim_matches('"').to_owned()
    }

    fn lost_reason(&self) -> Option<LostReason> {
        match self.reason.as_deref()? {
            "too_old" => Some(LostReason::TooOld),
            "diverged" => Some(LostReason::Diverged),
            "unknown_epoch" => Some(LostReason::UnknownEpoch),
            _ => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_message_and_a_verdict_are_read_word_for_word() {
        let text = r#"{"type":"message","channel":"a","id":"m","data":{"x": 1},"timestamp":1,"epoch":"00000000000000ab","seq":7}"#;
        let frame = Frame::read(text).unwrap();
        assert_eq!(frame.position().unwrap().to_string(), "00000000000000ab:7");
        assert_eq!(frame.message().id.as_deref(), Some("m"));
        let text = r#"{"type":"subscribed","channel":"a","continuity":"lost","reason":"diverged","from":null,"head":null}"#;
        let verdict = Frame::read(text).unwrap().verdict().unwrap();
        let diverged = Continuity::Lost {
            reason: Some(LostReason::Diverged),
        };
        assert_eq!(verdict.continuity, diverged);
    }

    #[test]
    fn a_verdict_that_is_none_is_not_made_one() {
        let text = r#"{"type":"subscribed","channel":"a","continuity":"maybe"}"#;
        assert_eq!(Frame::read(text).unwrap().verdict(), None);
    }
}
