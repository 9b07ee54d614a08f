//! Frames from the server: encoded once, shared by every connection they go to.
//!
//! A frame is one contiguous [`Bytes`], header and payload, so that a fan-out clones a pointer and
//! a connection hands the kernel one slice per frame. Server frames are never masked (RFC 6455,
//! 5.1) and never fragmented: what is sent is a whole message that is already in memory.

use bytes::{Bytes, BytesMut};
use fastwebsockets::{Frame, OpCode, Payload};

use super::Close;

/// The most bytes that the payload of a close, ping or pong may have (RFC 6455, 5.5).
const MAX_CONTROL: usize = 125;
/// What a close code leaves of it for the reason.
const MAX_REASON: usize = MAX_CONTROL - 2;
/// What [`Frame::fmt_head`] wants to write a header into.
const HEAD_ROOM: usize = 16;

/// A text message. The caller vouches that `payload` is UTF-8.
#[must_use]
pub fn text(payload: &[u8]) -> Bytes {
    frame(OpCode::Text, payload)
}

/// A binary message.
#[must_use]
pub fn binary(payload: &[u8]) -> Bytes {
    frame(OpCode::Binary, payload)
}

/// A ping; of `payload`, the first 125 bytes.
#[must_use]
pub fn ping(payload: &[u8]) -> Bytes {
    frame(OpCode::Ping, &payload[..payload.len().min(MAX_CONTROL)])
}

/// A pong; of `payload`, the first 125 bytes.
#[must_use]
pub fn pong(payload: &[u8]) -> Bytes {
    frame(OpCode::Pong, &payload[..payload.len().min(MAX_CONTROL)])
}

/// A close frame with a code and a reason, which is cut after the last character that fits into
/// 123 bytes.
#[must_use]
pub fn close(code: u16, reason: &str) -> Bytes {
    let reason = &reason[..reason.floor_char_boundary(MAX_REASON)];
    let mut payload = [0; MAX_CONTROL];
    payload[..2].copy_from_slice(&code.to_be_bytes());
    payload[2..2 + reason.len()].copy_from_slice(reason.as_bytes());
    frame(OpCode::Close, &payload[..2 + reason.len()])
}

/// The answer to a client's close frame: the same code (RFC 6455, 5.5.1).
#[must_use]
pub fn close_answer(received: Option<&Close>) -> Bytes {
    match received {
        Some(received) => close(received.code, ""),
        None => Bytes::from_static(&[0x88, 0]),
    }
}

/// Appends a pong to frames that have not been sent yet.
pub(super) fn append_pong(frames: &mut BytesMut, payload: &[u8]) {
    append(frames, OpCode::Pong, payload);
}

fn frame(opcode: OpCode, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    append(&mut frame, opcode, payload);
    frame.freeze()
}

fn append(frames: &mut BytesMut, opcode: OpCode, payload: &[u8]) {
    let mut head = [0; HEAD_ROOM];
    let size = Frame::new(true, opcode, None, Payload::Borrowed(payload)).fmt_head(&mut head);
    frames.reserve(size + payload.len());
    frames.extend_from_slice(&head[..size]);
    frames.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_the_shortest_length_that_holds_the_payload() {
        for (length, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xFF, 0xFF]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let frame = text(&vec![b'a'; length]);
            assert_eq!(frame[..header.len()], header);
            assert_eq!(frame.len(), header.len() + length);
            assert!(frame[header.len()..].iter().all(|&byte| byte == b'a'));
        }
    }

    #[test]
    fn each_kind_has_its_opcode() {
        assert_eq!(text(b"x")[..], [0x81, 1, b'x']);
        assert_eq!(binary(b"x")[..], [0x82, 1, b'x']);
        assert_eq!(ping(b"x")[..], [0x89, 1, b'x']);
        assert_eq!(pong(b"x")[..], [0x8A, 1, b'x']);
        assert_eq!(close(1000, "x")[..], [0x88, 3, 0x03, 0xE8, b'x']);
        assert_eq!(close_answer(None)[..], [0x88, 0]);
        let received = Close {
            code: 4000,
            reason: "bye".to_owned(),
        };
        assert_eq!(close_answer(Some(&received))[..], [0x88, 2, 0x0F, 0xA0]);
    }

    #[test]
    fn a_control_frame_is_never_longer_than_125_bytes() {
        assert_eq!(ping(&[0; 200]).len(), 2 + 125);
        assert_eq!(pong(&[0; 200]).len(), 2 + 125);
        assert_eq!(close(1000, &"x".repeat(200)).len(), 2 + 125);
    }

    #[test]
    fn a_long_reason_is_cut_between_two_characters() {
        let frame = close(1000, &"€".repeat(100));
        assert_eq!(
            std::str::from_utf8(&frame[4..]),
            Ok("€".repeat(41).as_str())
        );
    }

    #[test]
    fn pongs_stand_one_behind_the_other() {
        let mut frames = BytesMut::new();
        append_pong(&mut frames, b"a");
        append_pong(&mut frames, b"b");
        assert_eq!(frames[..], [0x8A, 1, b'a', 0x8A, 1, b'b']);
    }
}
