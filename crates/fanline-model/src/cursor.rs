//! The cursor: the positions of a subscriber's channels in one short text.
//!
//! Public format (vectors in `fixtures/cursor.json`), so that a client turns positions into a cursor
//! and back. Base64url without padding over: one version byte (1), then per channel the 32-bit hash of
//! its name (big endian), the 64-bit epoch (big endian) and the seq as LEB128. Entries stand in order of
//! their hash. It is unsigned and untrusted and names no right.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::channel::Channel;
use crate::position::{Epoch, Position};

/// The version this code writes.
const VERSION: u8 = 1;
/// The most entries a cursor holds: as many channels as one connection may have by default, doubled.
const MAX_ENTRIES: usize = 2_000;

/// Positions by channel, as text that any node understands over any transport.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    entries: Vec<CursorEntry>,
}

/// One channel's position in a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorEntry {
    /// [`name_hash`] of the channel.
    pub name_hash: u32,
    /// The position; its epoch is [`Epoch::NONE`] where the channel keeps no log.
    pub position: Position,
}

/// Why a text is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCursor {
    /// Not base64url, or cut off.
    #[error(
        "the cursor is damaged: send it exactly as the server gave it, or leave it out to start afresh"
    )]
    Damaged,
    /// Written by another version.
    #[error(
        "the cursor has version {0}, this server reads version {VERSION}: leave it out to start afresh"
    )]
    Version(u8),
    /// More channels than any connection may have.
    #[error("the cursor covers more than {MAX_ENTRIES} channels")]
    TooLong,
}

/// The 32-bit FNV-1a hash of the channel's text.
pub fn name_hash(channel: &Channel) -> u32 {
    let fnv = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    channel.to_string().bytes().fold(0x811c_9dc5, fnv)
}

// === impl Cursor ===

impl Cursor {
    /// A cursor of these positions.
    pub fn new(positions: impl IntoIterator<Item = (u32, Position)>) -> Self {
        let mut entries: Vec<_> = positions
            .into_iter()
            .map(|(name_hash, position)| CursorEntry {
                name_hash,
                position,
            })
            .collect();
        entries.sort_by_key(|entry| (entry.name_hash, entry.position.epoch, entry.position.seq));
        Self { entries }
    }

    /// Reads a cursor's text.
    pub fn parse(text: &str) -> Result<Self, InvalidCursor> {
        if text.len() > MAX_ENTRIES * 30 {
            return Err(InvalidCursor::TooLong);
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| InvalidCursor::Damaged)?;
        let (version, mut rest) = bytes.split_first().ok_or(InvalidCursor::Damaged)?;
        if *version != VERSION {
            return Err(InvalidCursor::Version(*version));
        }
        let mut entries = Vec::new();
        while !rest.is_empty() {
            if entries.len() == MAX_ENTRIES {
                return Err(InvalidCursor::TooLong);
            }
            entries.push(read_entry(&mut rest).ok_or(InvalidCursor::Damaged)?);
        }
        Ok(Self { entries })
    }

    /// The entries, in order of their hash.
    pub fn entries(&self) -> &[CursorEntry] {
        &self.entries
    }

    /// The positions that may belong to a channel: more than one if names share a hash.
    pub fn candidates(&self, channel: &Channel) -> impl Iterator<Item = Position> + '_ {
        let hash = name_hash(channel);
        self.entries
            .iter()
            .filter(move |entry| entry.name_hash == hash)
            .map(|entry| entry.position)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = vec![VERSION];
        for entry in &self.entries {
            bytes.extend(entry.name_hash.to_be_bytes());
            bytes.extend(entry.position.epoch.as_u64().to_be_bytes());
            write_leb128(&mut bytes, entry.position.seq);
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn read_entry(rest: &mut &[u8]) -> Option<CursorEntry> {
    let (hash, after) = rest.split_first_chunk::<4>()?;
    let (epoch, after) = after.split_first_chunk::<8>()?;
    *rest = after;
    let seq = read_leb128(rest)?;
    let position = Position::new(Epoch::from_u64(u64::from_be_bytes(*epoch)), seq);
    Some(CursorEntry {
        name_hash: u32::from_be_bytes(*hash),
        position,
    })
}

fn write_leb128(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn read_leb128(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..56).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return (value <= Position::MAX_SEQ).then_some(value);
        }
    }
    None
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_cursor_reads_back(entries in proptest::collection::vec((any::<u32>(), any::<u64>(), 0..=Position::MAX_SEQ), 0..50)) {
            let cursor = Cursor::new(entries.into_iter().map(|(hash, epoch, seq)| (hash, Position::new(Epoch::from_u64(epoch), seq))));
            prop_assert_eq!(Cursor::parse(&cursor.to_string()).unwrap(), cursor);
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,80}") {
            let _ = Cursor::parse(&text);
        }
    }

    #[test]
    fn an_entry_cut_short_is_damaged_and_another_version_is_named() {
        let whole = Cursor::new([(7, Position::new(Epoch::from_u64(9), 300))]).to_string();
        assert_eq!(
            Cursor::parse(&whole[..whole.len() - 2]),
            Err(InvalidCursor::Damaged)
        );
        assert_eq!(
            Cursor::parse(&URL_SAFE_NO_PAD.encode([9, 1])),
            Err(InvalidCursor::Version(9))
        );
    }
}
