//! The decoder against fastwebsockets' reader, on frames right and wrong.
//!
//! Where fastwebsockets 0.10 is more lenient than RFC 6455 or than we are, the error that we give
//! instead is listed in [`is_leniency`]. Any other difference fails.

use bytes::Bytes;
use fanline_edge::ws::{Close, DecodeError, Incoming};
use fastwebsockets::{FragmentCollector, OpCode, Role, WebSocket};
use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::frames::{Frame, conversations, decode, frames};

const LIMIT: usize = 70_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn frames_mean_the_same_to_fastwebsockets(frames in frames()) {
        let bytes = frames.iter().flat_map(Frame::bytes).collect::<Vec<_>>();
        compare(&bytes)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn conversations_mean_the_same_to_fastwebsockets((bytes, _) in conversations()) {
        compare(&bytes)?;
    }
}

fn compare(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (ours, error) = decode(bytes, LIMIT, &[]);
    let (theirs, they_refuse) = fastwebsockets(bytes);
    let common = ours.len().min(theirs.len());
    prop_assert_eq!(&ours[..common], &theirs[..common]);
    match error {
        None if closes_as_bad_gateway(&ours) => prop_assert!(they_refuse),
        None => {
            prop_assert_eq!(ours.len(), theirs.len());
            prop_assert!(!they_refuse);
        }
        Some(error) if is_leniency(error) => prop_assert_eq!(ours.len(), common),
        // Refused there too, or still waiting for the rest of a frame that we refuse at sight.
        Some(error) => prop_assert_eq!(ours.len(), theirs.len(), "they take: {}", error),
    }
    Ok(())
}

/// What we refuse and fastwebsockets takes.
fn is_leniency(error: DecodeError) -> bool {
    match error {
        // It takes unmasked frames, which RFC 6455 (5.1) says a server MUST refuse.
        DecodeError::Unmasked => true,
        // It limits the payload of a ping only; a long pong or close passes.
        DecodeError::ControlTooLong => true,
        // It takes a length in more bytes than it needs.
        DecodeError::LengthNotMinimal => true,
        // It forgets the fragments that have arrived when another fragmented message begins.
        DecodeError::MessageInterrupted => true,
        // It limits each frame and not the message.
        DecodeError::TooBig { .. } => true,
        // It takes a fragmented text that ends within a character.
        DecodeError::NotUtf8 => true,
        _ => false,
    }
}

/// 1014, which IANA registered after RFC 6455 and fastwebsockets refuses.
fn closes_as_bad_gateway(said: &[Incoming]) -> bool {
    matches!(
        said.last(),
        Some(Incoming::Close(Some(Close { code: 1014, .. })))
    )
}

/// What fastwebsockets reads, and whether it refused what followed.
fn fastwebsockets(bytes: &[u8]) -> (Vec<Incoming>, bool) {
    let wire = tokio::io::join(bytes, tokio::io::sink());
    let mut socket = WebSocket::after_handshake(wire, Role::Server);
    socket.set_auto_pong(false);
    socket.set_max_message_size(LIMIT + 1);
    let mut socket = FragmentCollector::new(socket);
    let mut said = Vec::new();
    loop {
        let frame = match socket.read_frame().now_or_never().unwrap() {
            Ok(frame) => frame,
            Err(fastwebsockets::WebSocketError::UnexpectedEOF) => return (said, false),
            Err(_) => return (said, true),
        };
        let payload = Bytes::copy_from_slice(&frame.payload);
        said.push(match frame.opcode {
            OpCode::Text => Incoming::Text(payload),
            OpCode::Binary => Incoming::Binary(payload),
            OpCode::Ping => Incoming::Ping(payload),
            OpCode::Pong => Incoming::Pong(payload),
            OpCode::Close => Incoming::Close(close(&payload)),
            OpCode::Continuation => panic!("a fragment that was not collected"),
        });
        if frame.opcode == OpCode::Close {
            return (said, false);
        }
    }
}

fn close(payload: &[u8]) -> Option<Close> {
    let (code, reason) = payload.split_first_chunk()?;
    Some(Close {
        code: u16::from_be_bytes(*code),
        reason: String::from_utf8(reason.to_vec()).unwrap(),
    })
}
