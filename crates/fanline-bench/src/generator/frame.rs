//! WebSocket frames as a client reads and writes them (RFC 6455, section 5).
//!
//! Only what a measurement needs: whole messages in one frame. It must not be lenient where that
//! would hide a server's fault: masked, reserved or fragmented frames are refused.

/// A client masks with a key it draws anew for each frame (5.3); what guards proxies against
/// hostile pages guards nobody here, and a fixed key keeps runs alike.
const MASK: [u8; 4] = [0x5a, 0xa5, 0x3c, 0xc3];

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text or binary.
    Message,
    Ping,
    Pong,
    Close,
}

/// The first frame of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    Frame {
        kind: Kind,
        payload: &'a [u8],
        /// How long the frame is, its head included.
        length: usize,
    },
    /// More bytes are needed.
    Incomplete,
    /// Nothing that a server may send to this client.
    Invalid(&'static str),
}

/// Reads the first frame.
pub(crate) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let [first, second, rest @ ..] = bytes else {
        return Parsed::Incomplete;
    };
    if second & 0x80 != 0 {
        return Parsed::Invalid("a masked frame from a server");
    }
    if first & 0x70 != 0 {
        return Parsed::Invalid("a reserved bit without an extension");
    }
    let kind = match first {
        0x81 | 0x82 => Kind::Message,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8a => Kind::Pong,
        _ => return Parsed::Invalid("a fragmented or unknown frame"),
    };
    let (head, announced): (usize, u64) = match (second & 0x7f, rest) {
        (126, [a, b, ..]) => (4, u64::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => {
            (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
        }
        (126 | 127, _) => return Parsed::Incomplete,
        (short, _) => (2, u64::from(short)),
    };
    let Ok(announced) = usize::try_from(announced) else {
        return Parsed::Invalid("a frame larger than memory");
    };
    match bytes.get(head..head.saturating_add(announced)) {
        Some(payload) => Parsed::Frame {
            kind,
            payload,
            length: head + announced,
        },
        None => Parsed::Incomplete,
    }
}

/// Appends a masked text frame.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    write_masked(0x81, text.as_bytes(), out);
}

/// Appends the answer to a ping; a control frame has at most 125 bytes (5.5).
pub(crate) fn write_pong(payload: &[u8], out: &mut Vec<u8>) {
    write_masked(0x8a, &payload[..payload.len().min(125)], out);
}

fn write_masked(first: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.push(first);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..126), _) => out.push(0x80 | short),
        (_, Ok(medium)) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&MASK);
    out.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_masked(first, payload, &mut bytes);
        let payload_at = bytes.len() - payload.len();
        bytes.drain(payload_at - 4..payload_at);
        bytes[1] &= 0x7f;
        bytes.truncate(payload_at - 4);
        bytes.extend_from_slice(payload);
        bytes
    }

    #[test]
    fn frames_of_every_length_form_are_read_whole() {
        for size in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; size];
            let mut bytes = server_frame(0x81, &payload);
            let length = bytes.len();
            bytes.extend_from_slice(b"the next frame");
            let expected = Parsed::Frame {
                kind: Kind::Message,
                payload: &payload,
                length,
            };
            assert_eq!(parse(&bytes), expected);
        }
    }

    #[test]
    fn a_frame_cut_anywhere_is_incomplete() {
        for size in [3, 200, 70_000] {
            let bytes = server_frame(0x82, &vec![b'x'; size]);
            for end in (0..14.min(bytes.len())).chain([bytes.len() - 1]) {
                assert_eq!(
                    parse(&bytes[..end]),
                    Parsed::Incomplete,
                    "{size} cut at {end}"
                );
            }
        }
    }

    #[test]
    fn control_frames_are_told_apart() {
        for (first, kind) in [(0x88, Kind::Close), (0x89, Kind::Ping), (0x8a, Kind::Pong)] {
            let bytes = server_frame(first, b"ab");
            assert_eq!(
                parse(&bytes),
                Parsed::Frame {
                    kind,
                    payload: b"ab",
                    length: 4
                }
            );
        }
    }

    #[test]
    fn what_a_server_may_not_send_is_refused() {
        for bytes in [
            [0x81, 0x80],
            [0xc1, 0x00],
            [0x01, 0x00],
            [0x80, 0x00],
            [0x83, 0x00],
        ] {
            assert!(matches!(parse(&bytes), Parsed::Invalid(_)), "{bytes:x?}");
        }
        assert!(matches!(
            parse(&[0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255]),
            Parsed::Incomplete
        ));
    }

    #[test]
    fn what_a_client_writes_is_masked_and_comes_out_again() {
        for size in [5, 126, 70_000] {
            let text = "y".repeat(size);
            let mut bytes = Vec::new();
            write_text(&text, &mut bytes);
            assert_eq!(bytes[1] & 0x80, 0x80, "the mask bit");
            let payload = &bytes[bytes.len() - size..];
            let mask = &bytes[bytes.len() - size - 4..][..4];
            let read: Vec<u8> = payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(a, b)| a ^ b)
                .collect();
            assert_eq!(read, text.as_bytes());
        }
    }

    #[test]
    fn a_pong_stays_a_control_frame() {
        let mut bytes = Vec::new();
        write_pong(&[b'p'; 300], &mut bytes);
        assert_eq!((bytes[0], bytes[1]), (0x8a, 0x80 | 125));
    }
}
