//! What every publication carries: who numbered it, its number, and when it was sent.
//!
//! The stamp is found by its first byte, which occurs in no frame of any target outside a payload,
//! so that a delivery is read without knowing the protocol and without parsing JSON.

use anyhow::{Result, bail};

const MARK: u8 = b'~';
const DIGITS: usize = 8 + 8 + 16;
const BEFORE: &[u8] = b"{\"b\":\"";
const AFTER: &[u8] = b"\"}";
const SMALLEST: usize = BEFORE.len() + 1 + DIGITS + AFTER.len();

/// One publication's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The numbering: a publisher, or a channel of its own.
    pub(crate) stream: u32,
    /// Counts from 0 within the stream.
    pub(crate) number: u32,
    /// By [`crate::clock::Clock`].
    pub(crate) sent: u64,
}

/// A JSON object of an exact size with room for a stamp; the same bytes for every target.
#[derive(Debug)]
pub(crate) struct Payload {
    bytes: Vec<u8>,
}

// === impl Payload ===

impl Payload {
    pub(crate) fn of_size(size: usize) -> Result<Self> {
        if size < SMALLEST {
            bail!("a payload has at least {SMALLEST} bytes: it carries a number and a time");
        }
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(BEFORE);
        bytes.push(MARK);
        bytes.resize(size - AFTER.len(), b'x');
        bytes.extend_from_slice(AFTER);
        Ok(Self { bytes })
    }

    pub(crate) fn stamped(&mut self, stamp: Stamp) -> &[u8] {
        let digits = &mut self.bytes[BEFORE.len() + 1..][..DIGITS];
        write_hex(&mut digits[..8], u64::from(stamp.stream));
        write_hex(&mut digits[8..16], u64::from(stamp.number));
        write_hex(&mut digits[16..], stamp.sent);
        &self.bytes
    }
}

// === impl Stamp ===

impl Stamp {
    /// The first stamp within a frame's payload.
    pub(crate) fn find(frame: &[u8]) -> Option<Self> {
        let at = memchr::memchr(MARK, frame)?;
        let digits = frame.get(at + 1..at + 1 + DIGITS)?;
        Some(Self {
            stream: u32::try_from(read_hex(&digits[..8])?).ok()?,
            number: u32::try_from(read_hex(&digits[8..16])?).ok()?,
            sent: read_hex(&digits[16..])?,
        })
    }
}

fn write_hex(digits: &mut [u8], mut value: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 0xf) as usize];
        value >>= 4;
    }
}

fn read_hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(nibble))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const STAMP: Stamp = Stamp {
        stream: 4_999,
        number: u32::MAX,
        sent: 123_456_789_012_345,
    };

    #[test]
    fn a_payload_has_exactly_the_size_asked_for_and_is_json() {
        for size in [SMALLEST, 128, 1_024] {
            let mut payload = Payload::of_size(size).unwrap();
            let bytes = payload.stamped(STAMP);
            assert_eq!(bytes.len(), size);
            serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        }
        assert!(Payload::of_size(SMALLEST - 1).is_err());
    }

    #[test]
    fn a_stamp_is_found_raw_and_inside_an_escaped_string() {
        let mut payload = Payload::of_size(128).unwrap();
        let raw = payload.stamped(STAMP).to_vec();
        assert_eq!(Stamp::find(&raw), Some(STAMP));
        let escaped = serde_json::to_vec(&String::from_utf8(raw).unwrap()).unwrap();
        assert_eq!(Stamp::find(&escaped), Some(STAMP));
    }

    #[test]
    fn what_carries_no_stamp_is_no_delivery() {
        assert_eq!(Stamp::find(br#"{"type":"ping"}"#), None);
        assert_eq!(Stamp::find(b"~00000000"), None);
        assert_eq!(Stamp::find(&[b'~'; 64]), None);
    }
}
