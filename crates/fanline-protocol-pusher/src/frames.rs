//! The frames of the server that are no channel events. Each is one JSON object with a string `event`.

use fanline_model::ConnectionId;
use fanline_protocol::{CloseFrame, Frame};

use crate::ending::Ending;
use crate::json::quoted;

/// The greeting, always the first frame. Its data is a *string* of JSON: some clients read nothing else.
pub(crate) fn established(connection: ConnectionId, activity_timeout_secs: u64) -> Frame {
    let data =
        format!(r#"{{"socket_id":"{connection}","activity_timeout":{activity_timeout_secs}}}"#);
    Frame::text(format!(
        r#"{{"event":"pusher:connection_established","data":{}}}"#,
        quoted(&data)
    ))
}

/// Asks the client's code for a sign of life.
pub(crate) fn ping() -> Frame {
    Frame::Text(bytes::Bytes::from_static(
        br#"{"event":"pusher:ping","data":{}}"#,
    ))
}

/// Answers a client's `pusher:ping`.
pub(crate) fn pong() -> Frame {
    Frame::Text(bytes::Bytes::from_static(
        br#"{"event":"pusher:pong","data":{}}"#,
    ))
}

/// A subscription stands. Without `data` some clients would not see it.
pub(crate) fn subscription_succeeded(channel: &str) -> Frame {
    let channel = quoted(channel);
    Frame::text(format!(
        r#"{{"event":"pusher_internal:subscription_succeeded","channel":{channel},"data":"{{}}"}}"#
    ))
}

/// A fault on a connection that stays open. A code between 4000 and 4299 would end it in some clients.
pub(crate) fn error(code: Option<u16>, message: &str) -> Frame {
    Frame::text(format!(
        r#"{{"event":"pusher:error","data":{{{}}}}}"#,
        error_fields(code, message)
    ))
}

/// The same, about a channel.
pub(crate) fn channel_error(message: &str, channel: &str) -> Frame {
    let (fields, channel) = (error_fields(None, message), quoted(channel));
    Frame::text(format!(
        r#"{{"event":"pusher:error","data":{{{fields},"channel":{channel}}}}}"#
    ))
}

/// Tells the bindings of a channel that it is not, or no longer, subscribed. The hosted service knows no
/// such frame; the application would hear nothing but a global error.
pub(crate) fn subscription_error(channel: &str, kind: &str, message: &str, status: u16) -> Frame {
    let data = format!(
        r#"{{"type":{},"error":{},"status":{status}}}"#,
        quoted(kind),
        quoted(message)
    );
    let (channel, data) = (quoted(channel), quoted(&data));
    Frame::text(format!(
        r#"{{"event":"pusher:subscription_error","channel":{channel},"data":{data}}}"#
    ))
}

/// The close frame of an ending. `pusher:error` goes before it in every version: some clients read only
/// the one, some only the other.
pub(crate) fn close(ending: Ending) -> CloseFrame {
    CloseFrame {
        code: ending.code,
        reason: ending.text.to_owned(),
    }
}

fn error_fields(code: Option<u16>, message: &str) -> String {
    let code = code.map_or_else(|| "null".to_owned(), |code| code.to_string());
    format!(r#""code":{code},"message":{}"#, quoted(message))
}
