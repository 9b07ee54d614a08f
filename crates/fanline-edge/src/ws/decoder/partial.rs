//! What has arrived of a message that is not complete.
//!
//! It lives on the heap and only as long as there is something to keep, so that an idle connection
//! pays one pointer for it.

use bytes::Bytes;
use fastwebsockets::{OpCode, unmask};

use super::{
    DecodeError, control_frame,
    header::{self, Header},
};
use crate::ws::Incoming;

/// The least that a payload buffer is grown to, unless its frame ends before.
const LEAST_BUFFER: usize = 128;

/// An unfinished message, an unfinished frame of it or between its fragments, or both.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// A header of which not all bytes have arrived.
    header: HeaderBytes,
    /// The frame whose payload is arriving.
    frame: Option<Header>,
    /// The message whose fragments are arriving.
    message: Option<Message>,
    /// The payload of the control frame that is arriving.
    control: Vec<u8>,
}

#[derive(Debug, Default)]
struct HeaderBytes {
    bytes: [u8; header::MAX_SIZE],
    len: usize,
}

#[derive(Debug)]
struct Message {
    is_text: bool,
    payload: Vec<u8>,
    /// How much of a text's payload is known to be valid; what follows is the beginning of a
    /// character.
    valid: usize,
}

// === impl Partial ===

impl Partial {
    pub(super) fn feed(
        &mut self,
        input: &mut &[u8],
        limit: usize,
    ) -> Result<Option<Incoming>, DecodeError> {
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.next_header(input, limit)? {
                    Some(frame) => frame,
                    None => return Ok(None),
                },
            };
            let (arrived, rest) = input.split_at(frame.remaining.min(input.len()));
            *input = rest;
            self.append(&mut frame, arrived)?;
            if frame.remaining > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            if let Some(incoming) = self.end_frame(frame)? {
                return Ok(Some(incoming));
            }
        }
    }

    /// Whether nothing is left to keep.
    pub(super) const fn is_empty(&self) -> bool {
        self.header.len == 0 && self.frame.is_none() && self.message.is_none()
    }

    pub(super) fn payload_capacity(&self) -> usize {
        let message = self.message.as_ref().map_or(0, |m| m.payload.capacity());
        message + self.control.capacity()
    }

    fn next_header(
        &mut self,
        input: &mut &[u8],
        limit: usize,
    ) -> Result<Option<Header>, DecodeError> {
        let unfinished = self.message.as_ref().map(|m| m.payload.len());
        let known = self.header.len;
        self.header.fill(input);
        match Header::parse(self.header.filled(), unfinished, limit)? {
            Some((header, size)) => {
                *input = &input[size - known..];
                self.header.len = 0;
                Ok(Some(header))
            }
            None => {
                *input = &input[self.header.len - known..];
                Ok(None)
            }
        }
    }

    fn append(&mut self, frame: &mut Header, arrived: &[u8]) -> Result<(), DecodeError> {
        if header::is_control(frame.opcode) {
            append_unmasked(&mut self.control, frame, arrived);
            return Ok(());
        }
        // The header was refused if a continuation had nothing to continue.
        let is_text = frame.opcode == OpCode::Text;
        let message = self.message.get_or_insert_with(|| Message::new(is_text));
        append_unmasked(&mut message.payload, frame, arrived);
        message.validate()
    }

    fn end_frame(&mut self, frame: Header) -> Result<Option<Incoming>, DecodeError> {
        if header::is_control(frame.opcode) {
            let payload = Bytes::from(std::mem::take(&mut self.control));
            return control_frame(frame.opcode, payload).map(Some);
        }
        if !frame.fin {
            return Ok(None);
        }
        self.message.take().map(Message::end).transpose()
    }
}

// === impl HeaderBytes ===

impl HeaderBytes {
    /// Copies as much of `input` as a header can have; what is not the header's is never taken.
    fn fill(&mut self, input: &[u8]) {
        let room = &mut self.bytes[self.len..];
        let taken = room.len().min(input.len());
        room[..taken].copy_from_slice(&input[..taken]);
        self.len += taken;
    }

    fn filled(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

// === impl Message ===

impl Message {
    const fn new(is_text: bool) -> Self {
        Self {
            is_text,
            payload: Vec::new(),
            valid: 0,
        }
    }

    /// Refuses bytes that no continuation can make valid (RFC 6455, 8.1), as soon as they arrive.
    fn validate(&mut self) -> Result<(), DecodeError> {
        if !self.is_text {
            return Ok(());
        }
        match simdutf8::compat::from_utf8(&self.payload[self.valid..]) {
            Ok(valid) => self.valid += valid.len(),
            Err(error) if error.error_len().is_none() => self.valid += error.valid_up_to(),
            Err(_) => return Err(DecodeError::NotUtf8),
        }
        Ok(())
    }

    fn end(self) -> Result<Incoming, DecodeError> {
        if !self.is_text {
            Ok(Incoming::Binary(Bytes::from(self.payload)))
        } else if self.valid == self.payload.len() {
            Ok(Incoming::Text(Bytes::from(self.payload)))
        } else {
            Err(DecodeError::NotUtf8)
        }
    }
}

fn append_unmasked(payload: &mut Vec<u8>, frame: &mut Header, arrived: &[u8]) {
    let start = payload.len();
    grow(payload, arrived.len(), frame.remaining);
    payload.extend_from_slice(arrived);
    unmask(&mut payload[start..], frame.mask);
    frame.mask.rotate_left(arrived.len() % 4);
    frame.remaining -= arrived.len();
}

/// Makes room for `arrived` bytes: at most twice what was there, and never beyond the frame's end.
/// The announced length bounds the buffer, it does not size it.
fn grow(payload: &mut Vec<u8>, arrived: usize, remaining: usize) {
    let needed = payload.len() + arrived;
    if needed > payload.capacity() {
        let doubled = needed.max(payload.capacity() * 2).max(LEAST_BUFFER);
        let target = doubled.min(payload.len() + remaining);
        payload.reserve_exact(target - payload.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(remaining: usize) -> Header {
        Header {
            opcode: OpCode::Binary,
            fin: true,
            mask: [1, 2, 3, 4],
            remaining,
        }
    }

    #[test]
    fn a_buffer_follows_what_arrived_and_not_what_was_announced() {
        let mut payload = Vec::new();
        let mut frame = frame(1 << 30);
        append_unmasked(&mut payload, &mut frame, &[0; 100]);
        assert_eq!(payload.capacity(), LEAST_BUFFER);
        append_unmasked(&mut payload, &mut frame, &[0; 16 * 1024]);
        assert!(payload.capacity() < 2 * payload.len());
    }

    #[test]
    fn a_buffer_ends_where_its_frame_ends() {
        let mut payload = Vec::new();
        let mut frame = frame(40_000);
        while frame.remaining > 0 {
            let arrived = frame.remaining.min(16 * 1024);
            append_unmasked(&mut payload, &mut frame, &vec![0; arrived]);
        }
        assert_eq!(payload.capacity(), 40_000);
    }

    #[test]
    fn a_mask_goes_on_where_the_network_cut_it() {
        let (mut whole, mut cut) = (Vec::new(), Vec::new());
        append_unmasked(&mut whole, &mut frame(11), &[0; 11]);
        let mut frame = frame(11);
        for arrived in [1, 2, 5, 3] {
            append_unmasked(&mut cut, &mut frame, &vec![0; arrived]);
        }
        assert_eq!(whole, cut);
        assert_eq!(whole, [1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3]);
    }
}
