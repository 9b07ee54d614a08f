//! What outlives a clean stop of the embedded broker. Another broker keeps its own.

use std::{io, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use fanline_broker::memory::{
    MemoryBroker,
    snapshot_file::{put, take},
};

/// The replay buffers of the embedded broker, and their file.
pub struct ReplayBuffers(pub(super) Option<(Arc<MemoryBroker>, PathBuf)>);

/// Replay buffers that were taken off the disk. Until somebody is served they can be put back.
#[must_use]
pub struct Restored(Option<(Vec<u8>, PathBuf)>);

// === impl ReplayBuffers ===

impl ReplayBuffers {
    /// Takes what a clean stop saved. The file is gone, durably, when this returns: a crash must never
    /// load it a second time, under positions that were given to other messages meanwhile.
    ///
    /// # Errors
    /// The file cannot be read, or not be removed.
    pub fn restore(&self) -> anyhow::Result<Restored> {
        let Some((broker, path)) = &self.0 else {
            return Ok(Restored(None));
        };
        let bytes = take(path)
            .with_context(|| format!("cannot take the replay buffers out of {}", path.display()))?;
        if let Some(bytes) = &bytes {
            match broker.restore(bytes) {
                Ok(channels) => tracing::info!(channels, "restored the replay buffers"),
                // As after a crash: every channel has a new epoch, and clients are told.
                Err(error) => tracing::warn!(%error, "the replay buffers are not restored"),
            }
        }
        Ok(Restored(bytes.map(|bytes| (bytes, path.clone()))))
    }

    /// Saves them. To be called when nobody can publish any more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> anyhow::Result<()> {
        let Some((broker, path)) = &self.0 else {
            return Ok(());
        };
        put(path, &broker.save())
            .with_context(|| format!("cannot save the replay buffers to {}", path.display()))?;
        tracing::info!("replay buffers are saved");
        Ok(())
    }
}

// === impl Restored ===

impl Restored {
    /// Puts the file back as it was: nobody was served after all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put_back(self) -> io::Result<()> {
        match self.0 {
            Some((bytes, path)) => put(&path, &bytes),
            None => Ok(()),
        }
    }
}
