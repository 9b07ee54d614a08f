//! What a client puts on the wire, right or wrong, and what the decoder makes of it.

use std::ops::Range;

use bytes::Bytes;
use fanline_edge::ws::{Close, DecodeError, Decoder, Incoming};
use proptest::{collection::vec, prelude::*};

pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
pub(crate) const FIN: u8 = 0x80;

/// One frame, whose fields may contradict the standard and each other.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// FIN, the reserved bits, the opcode.
    pub(crate) first: u8,
    pub(crate) mask: Option<[u8; 4]>,
    pub(crate) length: Length,
    pub(crate) payload: Vec<u8>,
}

/// How a frame announces its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Length {
    /// Truthfully, in as few bytes as possible.
    Minimal,
    /// As this number, in two bytes.
    In16Bits(u16),
    /// As this number, in eight bytes.
    In64Bits(u64),
}

/// Everything that came out of a decoder, and the error that ended it.
pub(crate) type Decoded = (Vec<Incoming>, Option<DecodeError>);

/// A correct frame.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    Frame {
        first,
        mask: Some([0x12, 0x34, 0x56, 0x78]),
        length: Length::Minimal,
        payload: payload.to_vec(),
    }
    .bytes()
}

/// The header of a frame whose payload does not follow.
pub(crate) fn header(first: u8, length: Length) -> Vec<u8> {
    Frame {
        first,
        mask: Some([0; 4]),
        length,
        payload: Vec::new(),
    }
    .bytes()
}

/// Decodes `bytes` as they arrive in pieces of the given sizes, the rest in one, until the client
/// closes or breaks the protocol.
pub(crate) fn decode(bytes: &[u8], limit: usize, sizes: &[usize]) -> Decoded {
    let mut decoder = Decoder::new(limit);
    let mut decoded = Vec::new();
    let mut rest = bytes;
    let mut sizes = sizes.iter().copied();
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(rest.len()).min(rest.len());
        let (mut piece, later) = rest.split_at(size);
        rest = later;
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(incoming)) => {
                    let closed = matches!(incoming, Incoming::Close(_));
                    decoded.push(incoming);
                    if closed {
                        return (decoded, None);
                    }
                }
                Ok(None) => break,
                Err(error) => return (decoded, Some(error)),
            }
        }
        assert!(piece.is_empty(), "the decoder left bytes that it must keep");
    }
    (decoded, None)
}

/// The bytes of a correct client together with what it says.
pub(crate) fn conversations() -> impl Strategy<Value = (Vec<u8>, Vec<Incoming>)> {
    vec(messages(), 0..8).prop_map(|messages| {
        let (bytes, said): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        (bytes.concat(), said.concat())
    })
}

/// Frames that are mostly correct, each for itself.
pub(crate) fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let first = (
        prop_oneof![8 => Just(0_u8), 1 => (0_u8..8).prop_map(|bits| bits << 4)],
        any::<bool>(),
        prop_oneof![
            6 => Just(TEXT), 3 => Just(BINARY), 6 => Just(0_u8),
            3 => Just(PING), 2 => Just(PONG), 1 => Just(CLOSE), 1 => 0_u8..16
        ],
    )
        .prop_map(|(reserved, fin, opcode)| if fin { FIN } else { 0 } | reserved | opcode);
    let mask = prop_oneof![12 => any::<[u8; 4]>().prop_map(Some), 1 => Just(None)];
    let length = prop_oneof![
        20 => Just(Length::Minimal),
        1 => any::<u16>().prop_map(Length::In16Bits),
        1 => (0_u16..200).prop_map(Length::In16Bits),
        1 => any::<u64>().prop_map(Length::In64Bits),
        1 => (0_u64..200).prop_map(Length::In64Bits),
    ];
    let payload = prop_oneof![
        4 => ".{0,40}".prop_map(String::into_bytes),
        2 => noise(0..40),
        2 => "[€𝄞é]{1,8}".prop_flat_map(|text| {
            let length = text.len();
            (Just(text), 0..=length, 0..=length)
        }).prop_map(|(text, a, b)| text.as_bytes()[a.min(b)..a.max(b)].to_vec()),
        1 => noise(100..300),
        2 => (999_u16..1020).prop_map(|code| code.to_be_bytes().to_vec()),
    ];
    let frame = (first, mask, length, payload).prop_map(|(first, mask, length, payload)| Frame {
        first,
        mask,
        length,
        payload,
    });
    vec(frame, 1..12)
}

/// A message in fragments, with control frames between them.
fn messages() -> impl Strategy<Value = (Vec<u8>, Vec<Incoming>)> {
    let content = prop_oneof![
        6 => "\\PC{0,60}".prop_map(|text| (TEXT, text.into_bytes())),
        6 => "[a€𝄞]{30,60}".prop_map(|text| (TEXT, text.into_bytes())),
        6 => noise(0..300).prop_map(|bytes| (BINARY, bytes)),
        1 => noise(65_530..65_540).prop_map(|bytes| (BINARY, bytes)),
    ];
    let fragment = (0_usize..100, any::<[u8; 4]>(), vec(controls(), 0..2));
    (content, vec(fragment, 0..4), any::<[u8; 4]>()).prop_map(
        |((opcode, content), fragments, last_mask)| {
            let (mut bytes, mut said) = (Vec::new(), Vec::new());
            let (mut rest, mut first) = (&content[..], opcode);
            for (size, mask, controls) in fragments {
                let (payload, later) = rest.split_at(size.min(rest.len()));
                bytes.extend(masked(first, mask, payload));
                (rest, first) = (later, 0);
                for (frame, control) in controls {
                    bytes.extend(frame);
                    said.push(control);
                }
            }
            bytes.extend(masked(FIN | first, last_mask, rest));
            let content = Bytes::from(content);
            said.push(match opcode {
                TEXT => Incoming::Text(content),
                _ => Incoming::Binary(content),
            });
            (bytes, said)
        },
    )
}

fn controls() -> impl Strategy<Value = (Vec<u8>, Incoming)> {
    (any::<bool>(), any::<[u8; 4]>(), noise(0..126)).prop_map(|(is_ping, mask, payload)| {
        let opcode = if is_ping { PING } else { PONG };
        let bytes = masked(FIN | opcode, mask, &payload);
        let payload = Bytes::from(payload);
        let said = if is_ping {
            Incoming::Ping(payload)
        } else {
            Incoming::Pong(payload)
        };
        (bytes, said)
    })
}

/// Bytes without a meaning. A strategy for each of them would make a test take minutes.
pub(crate) fn noise(size: Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    (size, any::<u32>()).prop_map(|(size, mut seed)| {
        std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed.to_be_bytes()[0]
        })
        .take(size)
        .collect()
    })
}

fn masked(first: u8, mask: [u8; 4], payload: &[u8]) -> Vec<u8> {
    Frame {
        first,
        mask: Some(mask),
        length: Length::Minimal,
        payload: payload.to_vec(),
    }
    .bytes()
}

/// A close as the decoder reports it.
pub(crate) fn closed(code: u16, reason: &str) -> Incoming {
    Incoming::Close(Some(Close {
        code,
        reason: reason.to_owned(),
    }))
}

/// A text as the decoder reports it.
pub(crate) fn text(text: &str) -> Incoming {
    Incoming::Text(Bytes::copy_from_slice(text.as_bytes()))
}

// === impl Frame ===

impl Frame {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.first];
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        let length = match (self.length, self.payload.len()) {
            (Length::Minimal, 126..=65_535) => Length::In16Bits(self.payload.len() as u16),
            (Length::Minimal, 65_536..) => Length::In64Bits(self.payload.len() as u64),
            (length, _) => length,
        };
        match length {
            Length::Minimal => bytes.push(masked | self.payload.len() as u8),
            Length::In16Bits(length) => {
                bytes.push(masked | 126);
                bytes.extend(length.to_be_bytes());
            }
            Length::In64Bits(length) => {
                bytes.push(masked | 127);
                bytes.extend(length.to_be_bytes());
            }
        }
        bytes.extend(self.mask.iter().flatten());
        let mask = self.mask.unwrap_or_default();
        let payload = self.payload.iter().zip(mask.iter().cycle());
        bytes.extend(payload.map(|(byte, mask)| byte ^ mask));
        bytes
    }
}
