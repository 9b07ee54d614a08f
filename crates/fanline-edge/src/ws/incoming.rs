//! What a client can send: whole messages and control frames.

use bytes::Bytes;

use super::DecodeError;

/// One message, or one control frame, as a client sent it: unmasked, whole and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A text message. The bytes are valid UTF-8.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping with its payload of at most 125 bytes, to be answered by a pong with the same.
    Ping(Bytes),
    /// A pong, asked for or not.
    Pong(Bytes),
    /// The client's last frame; `None` if it gave no code.
    Close(Option<Close>),
}

/// Why the client closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The close code, one for which [`is_close_code`] holds.
    pub code: u16,
    /// The reason, for people; empty if none was given.
    pub reason: String,
}

/// Whether a close frame may carry `code` (RFC 6455, 7.4, and the IANA registry): those that are
/// defined for the wire, and those left to libraries (3000–3999) and applications (4000–4999).
#[must_use]
pub const fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

// === impl Close ===

impl Close {
    /// Reads the payload of a close frame (RFC 6455, 5.5.1).
    pub(super) fn parse(payload: &[u8]) -> Result<Option<Self>, DecodeError> {
        let (code, reason) = match *payload {
            [] => return Ok(None),
            [_] => return Err(DecodeError::CloseWithHalfACode),
            [high, low, ref reason @ ..] => (u16::from_be_bytes([high, low]), reason),
        };
        if !is_close_code(code) {
            return Err(DecodeError::CloseCode(code));
        }
        let reason = std::str::from_utf8(reason).map_err(|_| DecodeError::CloseReasonNotUtf8)?;
        Ok(Some(Self {
            code,
            reason: reason.to_owned(),
        }))
    }
}
