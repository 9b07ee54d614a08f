//! What a client sends: one JSON object with a string `event`, and `channel` and `data` beside it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A client's frame.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) event: Cow<'a, str>,
    /// Absent if it is null, too.
    pub(crate) channel: Option<&'a RawValue>,
    /// Absent if it is null, too.
    pub(crate) data: Option<&'a RawValue>,
}

/// What the `data` of a `pusher:subscribe` or `pusher:unsubscribe` says; the types are checked later, so
/// that each fault has its own sentence. Further fields (`shared_secret`) are ignored.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SubscriptionData<'a> {
    #[serde(borrow)]
    pub(crate) channel: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) auth: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) channel_data: Option<&'a RawValue>,
}

/// Why a frame is none. The sentence goes to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("The frame is not a JSON object with the fields event, channel and data")]
    Frame,
    #[error("The frame needs the field event, a string")]
    Event,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    channel: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Reads a client's frame.
pub(crate) fn read(text: &str) -> Result<Envelope<'_>, Malformed> {
    let fields: Fields<'_> = object(text).ok_or(Malformed::Frame)?;
    let event = fields.event.and_then(string).ok_or(Malformed::Event)?;
    Ok(Envelope {
        event,
        channel: fields.channel,
        data: fields.data,
    })
}

/// Reads a JSON object into a struct. A derived struct alone would take an array, too.
pub(crate) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let text = text.trim_ascii_start();
    if text.starts_with('{') {
        serde_json::from_str(text).ok()
    } else {
        None
    }
}

/// The value, if it is a string.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_values_of_a_frame_keep_their_text() {
        let text = r#" {"event":"client-\u0061","data": { "b":1,  "a":[1.50] } ,"x":1,"channel":"private-a"}"#;
        let envelope = read(text).unwrap();
        assert_eq!(envelope.event, "client-a");
        assert_eq!(envelope.data.unwrap().get(), r#"{ "b":1,  "a":[1.50] }"#);
        assert_eq!(string(envelope.channel.unwrap()).unwrap(), "private-a");
    }

    #[test]
    fn what_is_no_frame_is_told_apart() {
        let deep = "[".repeat(10_000);
        for (text, problem) in [
            ("", Malformed::Frame),
            ("{", Malformed::Frame),
            ("[]", Malformed::Frame),
            (r#"["pusher:ping"]"#, Malformed::Frame),
            ("null", Malformed::Frame),
            (r#"{"event":"a","event":"b"}"#, Malformed::Frame),
            (r#"{"event":"a"} {"event":"b"}"#, Malformed::Frame),
            ("{}", Malformed::Event),
            (r#"{"event":null}"#, Malformed::Event),
            (r#"{"event":1}"#, Malformed::Event),
            (r#"{"event":["a"]}"#, Malformed::Event),
            (&deep, Malformed::Frame),
        ] {
            assert_eq!(
                read(text).unwrap_err(),
                problem,
                "{}",
                crate::json::clip(text)
            );
        }
    }
}
