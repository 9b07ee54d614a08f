//! The envelope: one message as bytes, between nodes and in the log.
//!
//! Golden files in `fixtures/envelope`. All numbers are unsigned; *length* is LEB128, every other number
//! is big endian and of fixed size.
//!
//! ```text
//! version   1 byte, now 1
//! flags     1 byte: bits 0-1 kind (0 json, 1 text, 2 bytes), bit 2 ephemeral, bit 3 removed
//! id        length, ASCII
//! payload   length, bytes
//! fields    any number of: tag (1 byte), length, value
//!
//! tag  what the publisher said            tag  what the broker added
//!  1   name                                32  timestamp, 8 bytes of milliseconds (required)
//!  2   key                                 33  position, 8 bytes of epoch, 8 bytes of seq
//!  3   client_id                           34  fork, 8 bytes of epoch, 8 bytes of seq
//!  4   origin connection, 2 x 8 bytes
//!  5   excluded connection, 2 x 8 bytes
//!  6   header: length, name; value (repeats)
//!  7   traceparent
//!  8   attribute: length, protocol; value (repeats)
//! ```
//!
//! What the broker adds stands last and has a fixed size, so that a script within Redis can append it to
//! bytes that it does not understand. A reader skips tags that it does not know: that is how a field is
//! added. Everything else (a flag, another order, another meaning) takes another version, and a reader of
//! version N reads N-1 too.
//!
//! The reader never panics and never allocates more than a small multiple of what it was handed. Payload
//! and attributes are slices of the input. It must never be stricter than the engine's door: what was
//! published must be readable, so its limits are those of the types and one on the whole.

mod read;
mod write;

pub use read::{EnvelopeError, decode};
pub use write::{encode, encode_draft};

/// The version that is written.
const VERSION: u8 = 1;

/// The largest envelope, in bytes: far above any limit on messages, far below what could hurt.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The most headers, and the most attributes, in one envelope.
pub const MAX_REPEATS: usize = 4_096;

mod flag {
    pub(super) const KIND: u8 = 0b0000_0011;
    pub(super) const EPHEMERAL: u8 = 0b0000_0100;
    pub(super) const REMOVED: u8 = 0b0000_1000;
}

mod kind {
    pub(super) const JSON: u8 = 0;
    pub(super) const TEXT: u8 = 1;
    pub(super) const BYTES: u8 = 2;
}

mod tag {
    pub(super) const NAME: u8 = 1;
    pub(super) const KEY: u8 = 2;
    pub(super) const CLIENT_ID: u8 = 3;
    pub(super) const CONNECTION: u8 = 4;
    pub(super) const EXCLUDE: u8 = 5;
    pub(super) const HEADER: u8 = 6;
    pub(super) const TRACEPARENT: u8 = 7;
    pub(super) const ATTRIBUTE: u8 = 8;
    pub(super) const TIMESTAMP: u8 = 32;
    pub(super) const POSITION: u8 = 33;
    pub(super) const FORK: u8 = 34;
}
