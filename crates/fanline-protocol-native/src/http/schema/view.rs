//! What is read: the log, and its messages.

use serde_json::Value;
use utoipa::ToSchema;

use super::{AnyValue, GivenPosition};

/// A page of a channel's log.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema only; `history` writes the text")]
pub(in crate::http) struct HistoryView {
    /// `fresh` without `since`, else the verdict on it: `kept`, `forked` or `lost`.
    #[schema(pattern = "^(fresh|kept|forked|lost)$", examples("kept"))]
    continuity: String,
    /// With `lost`: `too_old`, `diverged` or `unknown_epoch`.
    #[schema(required = false, examples("too_old"))]
    reason: String,
    /// With `forked`: the last position before the fork that is still true.
    #[schema(required = false)]
    forked_at: GivenPosition,
    /// The position before the first message of the page.
    #[schema(required = true)]
    from: Option<GivenPosition>,
    /// The channel's last position at that moment.
    #[schema(required = true)]
    head: Option<GivenPosition>,
    /// The messages, oldest first.
    messages: Vec<MessageView>,
    /// Whether more follow.
    more: bool,
}

/// A message, as in `message` frames.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "a schema only; `encode::message_fields` writes the text"
)]
pub(in crate::http) struct MessageView {
    /// Its id.
    #[schema(examples("msg_0123456789abcdefABCDEF"))]
    id: String,
    /// The event name.
    #[schema(required = false, examples("created"))]
    name: String,
    /// The key whose last value it is.
    #[schema(required = false)]
    key: String,
    /// The payload: the JSON value itself, or a string where `encoding` says so.
    #[schema(value_type = AnyValue)]
    data: Value,
    /// `text` or `base64`; missing where `data` is the value itself.
    #[schema(required = false, pattern = "^(text|base64)$")]
    encoding: String,
    /// The user who published it.
    #[schema(required = false)]
    client_id: String,
    /// Free headers.
    #[schema(required = false, value_type = std::collections::BTreeMap<String, String>)]
    headers: (),
    /// When the server took it, in milliseconds since 1970.
    timestamp: u64,
    /// The numbering; missing without a log.
    #[schema(required = false, examples("00c0ffee00c0ffee"))]
    epoch: String,
    /// The number within it.
    #[schema(required = false, examples(43))]
    seq: u64,
    /// It deleted its key's last value.
    #[schema(required = false)]
    removed: bool,
    /// It was not logged.
    #[schema(required = false)]
    ephemeral: bool,
}
