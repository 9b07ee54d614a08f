//! All channels as bytes, for a clean stop and the start after it.
//!
//! Versioned and checked as a whole: a snapshot is restored entirely or not at all, because half a channel
//! would break its numbering. Who follows and who is present is not in it: connections end with the process.

mod read;
mod write;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::broker::MemoryBroker;
use crate::wire::Reader;

/// What a snapshot begins with.
const MAGIC: &[u8; 4] = b"FLMB";
/// The version that is written and read.
const VERSION: u8 = 1;
/// How long the checksum at the end is.
const CHECKSUM_BYTES: usize = 32;

/// Why a snapshot is not restored. The channels then begin new epochs, as after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Something else than a snapshot.
    #[error("this is no snapshot of replay buffers")]
    Foreign,
    /// Written by another version.
    #[error("the snapshot has version {0}, this server reads version {VERSION}")]
    Version(u8),
    /// Cut short or changed.
    #[error("the snapshot is damaged")]
    Damaged,
}

impl MemoryBroker {
    /// Everything that outlives a clean stop. To be called when nobody publishes any more: what is
    /// published later is not in it.
    pub fn save(&self) -> Vec<u8> {
        let now = self.clock().now();
        let mut bytes = MAGIC.to_vec();
        bytes.push(VERSION);
        for shard in self.shards() {
            let shard = shard.lock();
            shard
                .iter()
                .for_each(|channel| write::write_channel(&mut bytes, channel, now));
        }
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// Puts back what was saved and answers how many channels that were. A channel that exists already
    /// stays as it is.
    pub fn restore(&self, snapshot: &[u8]) -> Result<usize, SnapshotError> {
        let mut rest = body(snapshot)?;
        let mut channels = Vec::new();
        while !rest.is_empty() {
            let channel = rest.sized().ok_or(SnapshotError::Damaged)?;
            channels.push(read::read_channel(channel).ok_or(SnapshotError::Damaged)?);
        }
        let now = self.clock().now();
        let put_back = |saved: read::Saved| {
            let channel = Box::new(saved.into_channel(|app| self.budgets().reopen(app)));
            let shard = self.shard(self.key(&channel.id));
            shard.lock().put_back(channel, now)
        };
        Ok(channels
            .into_iter()
            .map(put_back)
            .filter(|new| *new)
            .count())
    }
}

/// The channels of a snapshot that is whole.
fn body(snapshot: &[u8]) -> Result<Reader, SnapshotError> {
    let (checked, checksum) = snapshot
        .len()
        .checked_sub(CHECKSUM_BYTES)
        .map(|end| snapshot.split_at(end))
        .ok_or(SnapshotError::Foreign)?;
    let body = checked.strip_prefix(MAGIC).ok_or(SnapshotError::Foreign)?;
    let (version, body) = body.split_first().ok_or(SnapshotError::Foreign)?;
    if *version != VERSION {
        return Err(SnapshotError::Version(*version));
    }
    if Sha256::digest(checked)[..] != *checksum {
        return Err(SnapshotError::Damaged);
    }
    Ok(Reader(Bytes::copy_from_slice(body)))
}
