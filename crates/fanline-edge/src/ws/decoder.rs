//! Turns the bytes of one client into messages and control frames, strictly (RFC 6455, 5).
//!
//! The decoder does no IO and never waits: it is fed whatever has arrived and keeps what belongs
//! to an unfinished frame, so there is no future that could be dropped half-way through a header.
//! Between frames it keeps nothing. It must never reserve memory for a length that a client merely
//! announced, and what it says must not depend on where the network cut the bytes.

mod error;
mod header;
mod partial;

use bytes::Bytes;
use fastwebsockets::{OpCode, unmask};

pub use self::error::DecodeError;
use self::{header::Header, partial::Partial};
use super::{Close, Incoming};

/// The incremental decoder of one connection.
///
/// After an error, or a [`Incoming::Close`], the connection is over and the decoder must not be
/// fed again.
#[derive(Debug)]
pub struct Decoder {
    /// The most bytes that one message may have, over all its fragments.
    limit: usize,
    /// What of an unfinished message has arrived; `None` while the connection is idle.
    partial: Option<Box<Partial>>,
}

impl Decoder {
    /// A decoder that refuses messages of more than `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            partial: None,
        }
    }

    /// Changes the message limit, for frames whose header has not arrived yet.
    pub const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes bytes from the front of `input` until a message or control frame is complete.
    ///
    /// `None` means that all of `input` was taken and more is needed. What stands in `input` after
    /// a frame belongs to the next one: feed it again.
    ///
    /// # Errors
    /// The client broke the protocol or a limit; the error names the close code to answer with.
    #[inline]
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, DecodeError> {
        if self.partial.is_none() {
            if input.is_empty() {
                return Ok(None);
            }
            if let Some(incoming) = self.decode_whole(input)? {
                return Ok(Some(incoming));
            }
        }
        self.decode_partial(input)
    }

    /// Whether nothing is buffered: the client stands between two messages.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.partial.is_none()
    }

    /// Bytes of heap that the unfinished message holds.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.partial.as_ref().map_or(0, |partial| {
            size_of::<Partial>() + partial.payload_capacity()
        })
    }

    /// The usual case: a message of one frame that stands whole in `input`. It is copied once.
    fn decode_whole(&self, input: &mut &[u8]) -> Result<Option<Incoming>, DecodeError> {
        let Some((header, size)) = Header::parse(input, None, self.limit)? else {
            return Ok(None);
        };
        let body = &input[size..];
        if !header.fin || body.len() < header.remaining {
            return Ok(None);
        }
        let (payload, rest) = body.split_at(header.remaining);
        let payload = unmasked(payload, header.mask);
        *input = rest;
        let incoming = match header.opcode {
            OpCode::Binary => Incoming::Binary(payload),
            OpCode::Text if simdutf8::basic::from_utf8(&payload).is_ok() => Incoming::Text(payload),
            OpCode::Text => return Err(DecodeError::NotUtf8),
            control => control_frame(control, payload)?,
        };
        Ok(Some(incoming))
    }

    /// Everything else: fragments, and frames that the network cut.
    fn decode_partial(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, DecodeError> {
        let partial = self.partial.get_or_insert_default();
        let incoming = partial.feed(input, self.limit)?;
        if partial.is_empty() {
            self.partial = None;
        }
        Ok(incoming)
    }
}

/// The payload of a whole frame in memory of its own, exactly as large.
fn unmasked(payload: &[u8], mask: [u8; 4]) -> Bytes {
    let mut copy = payload.to_vec();
    unmask(&mut copy, mask);
    Bytes::from(copy)
}

fn control_frame(opcode: OpCode, payload: Bytes) -> Result<Incoming, DecodeError> {
    match opcode {
        OpCode::Ping => Ok(Incoming::Ping(payload)),
        OpCode::Pong => Ok(Incoming::Pong(payload)),
        OpCode::Close => Ok(Incoming::Close(Close::parse(&payload)?)),
        OpCode::Continuation | OpCode::Text | OpCode::Binary => {
            Err(DecodeError::UnexpectedContinuation)
        }
    }
}
