//! The ways in which a client can break RFC 6455, and what it is told.

use thiserror::Error;

/// Why the bytes of a client were refused. The text goes to the client as the close reason, which
/// has room for 123 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// RSV1, RSV2 or RSV3 is set, and no extension was negotiated (RFC 6455, 5.2).
    #[error("reserved bits are set but no extension was negotiated; turn compression off")]
    ReservedBits,
    /// An opcode that RFC 6455 does not define (5.2).
    #[error("opcode {0} is not defined by RFC 6455")]
    Opcode(u8),
    /// A client must mask every frame (RFC 6455, 5.1).
    #[error("a client must mask its frames (RFC 6455, 5.1)")]
    Unmasked,
    /// A close, ping or pong without the FIN bit (RFC 6455, 5.5).
    #[error("a control frame must not be fragmented")]
    ControlFragmented,
    /// A close, ping or pong of more than 125 bytes (RFC 6455, 5.5).
    #[error("a control frame must not have more than 125 bytes")]
    ControlTooLong,
    /// A continuation frame without a message to continue (RFC 6455, 5.4).
    #[error("a continuation frame came without a message to continue")]
    UnexpectedContinuation,
    /// A new message before the fragments of the last one ended (RFC 6455, 5.4).
    #[error("a new message began before the fragmented one ended")]
    MessageInterrupted,
    /// A length in more bytes than it needs (RFC 6455, 5.2).
    #[error("a length must be encoded in as few bytes as it needs")]
    LengthNotMinimal,
    /// A 64-bit length with its most significant bit set (RFC 6455, 5.2).
    #[error("a 64-bit length must not have its most significant bit set")]
    LengthOutOfRange,
    /// The message, or what is announced of it, exceeds the limit.
    #[error("a message must not have more than {limit} bytes; send smaller ones")]
    TooBig {
        /// The limit in force, in bytes.
        limit: usize,
    },
    /// A text message that is not UTF-8 (RFC 6455, 8.1).
    #[error("a text message must be valid UTF-8; send bytes as a binary message")]
    NotUtf8,
    /// A close frame with a payload of one byte (RFC 6455, 5.5.1).
    #[error("a close frame has either no payload or a code of two bytes")]
    CloseWithHalfACode,
    /// A close code that must not be sent (RFC 6455, 7.4).
    #[error("close code {0} must not be sent in a close frame")]
    CloseCode(u16),
    /// A close reason that is not UTF-8 (RFC 6455, 5.5.1).
    #[error("a close reason must be valid UTF-8")]
    CloseReasonNotUtf8,
}

impl DecodeError {
    /// The close code that tells the client (RFC 6455, 7.4.1).
    #[must_use]
    pub const fn close_code(self) -> u16 {
        match self {
            Self::NotUtf8 | Self::CloseReasonNotUtf8 => 1007,
            Self::TooBig { .. } => 1009,
            _ => 1002,
        }
    }
}
