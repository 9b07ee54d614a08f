//! The few forms of which the envelope and the snapshot are made: bytes with a length before them, and
//! big-endian numbers of fixed size. A length is LEB128 in its one shortest form.

use bytes::{Buf, Bytes};

/// What is still to be read. Every reading answers `None` where the bytes end too early or are not in
/// their one form, and never allocates.
pub(crate) struct Reader(pub(crate) Bytes);

impl Reader {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.0.try_get_u8().ok()
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        self.0.try_get_u64().ok()
    }

    pub(crate) fn length(&mut self) -> Option<usize> {
        let mut length = 0u64;
        for shift in (0..56).step_by(7) {
            let byte = self.byte()?;
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return usize::try_from(length).ok().filter(|_| shortest);
            }
        }
        None
    }

    /// The next so many bytes, shared with the input.
    pub(crate) fn take(&mut self, count: usize) -> Option<Bytes> {
        (count <= self.0.len()).then(|| self.0.split_to(count))
    }

    /// Bytes with their length before them.
    pub(crate) fn sized(&mut self) -> Option<Bytes> {
        let count = self.length()?;
        self.take(count)
    }
}

pub(crate) fn write_number(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_be_bytes());
}

pub(crate) fn write_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

pub(crate) fn write_sized(bytes: &mut Vec<u8>, value: &[u8]) {
    write_length(bytes, value.len());
    bytes.extend_from_slice(value);
}
