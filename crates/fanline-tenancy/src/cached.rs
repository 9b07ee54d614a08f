//! The cache in front of a store: the edge asks it at every step, the store almost never.
//!
//! What is held is served while it reloads. Only the store may say that an app is unknown, and what it
//! says so of is remembered for a second; a store that cannot be asked is never "unknown" (TENANCY 12).

mod lookups;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use fanline_model::{AppId, Clock};
use parking_lot::RwLock;

use crate::app::{AppSnapshot, Revision};
use crate::directory::{AppRef, Directory, DirectoryError};
use crate::index::Index;
use lookups::Lookups;

/// Snapshots of the apps in use.
pub struct CachedDirectory {
    inner: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    held: RwLock<Index>,
    lookups: Lookups,
}

// === impl CachedDirectory ===

impl CachedDirectory {
    /// An empty cache in front of `inner`.
    pub fn new(inner: Arc<dyn Directory>, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner,
            clock,
            held: RwLock::default(),
            lookups: Lookups::default(),
        }
    }

    /// Loads an app again, because it changed. What is held goes on being served meanwhile, and
    /// afterwards too where the store does not answer. Every change that was committed before the call is
    /// in what this leaves behind.
    pub async fn refresh(&self, app: &AppId) -> Result<(), DirectoryError> {
        let by = AppRef::Id(app.clone());
        let lookup = self.lookups.of(&by, self.clock.now())?;
        let _turn = lookup.turn().await;
        let mut loaded = self.load(&by).await?;
        if self.is_behind(&loaded) {
            // A replica that lags, or a store that went back (TENANCY 11): ask once more, then believe it.
            loaded = self.load(&by).await?;
            if self.is_behind(&loaded) {
                tracing::error!(%app, revision = ?loaded.revision, "the store went back behind what it said before");
            }
        }
        self.held.write().put(loaded);
        // Names that were unknown a moment ago may lead here now.
        self.lookups.forget_misses();
        Ok(())
    }

    /// Asks the store about a name that nothing held answers to.
    async fn look_up(&self, by: &AppRef) -> Result<Arc<AppSnapshot>, DirectoryError> {
        let lookup = self.lookups.of(by, self.clock.now())?;
        let mut miss = lookup.turn().await;
        // Whoever had the turn before may have found it.
        if let Some(snapshot) = self.find(by) {
            return Ok(snapshot);
        }
        if let Some(error) = miss.standing(self.clock.now()) {
            return Err(error);
        }
        match self.load(by).await {
            Ok(loaded) if self.put_unless_behind(&loaded) => Ok(loaded),
            // The app is held at a later revision, which does not know this name any more.
            Ok(_) => self.find(by).ok_or(DirectoryError::Unknown),
            Err(error) => {
                miss.set(error.clone(), self.clock.now());
                Err(error)
            }
        }
    }

    async fn load(&self, by: &AppRef) -> Result<Arc<AppSnapshot>, DirectoryError> {
        let loaded = self.inner.app(by).await;
        if let (Err(DirectoryError::Unknown), AppRef::Id(app)) = (&loaded, by)
            && self.held(app).is_some()
        {
            // A row that vanished is a fault, never a deletion (TENANCY 11): what is held stays.
            tracing::error!(%app, "the store does not know an app that it served before");
        }
        loaded
    }

    fn is_behind(&self, loaded: &AppSnapshot) -> bool {
        is_behind(&self.held.read(), loaded)
    }

    /// Holds a load from now on, unless it shows less than what is held. Under one lock: between the look and the
    /// put a refresh may bring what revokes the very thing that was loaded.
    fn put_unless_behind(&self, loaded: &Arc<AppSnapshot>) -> bool {
        let mut held = self.held.write();
        let puts = !is_behind(&held, loaded);
        if puts {
            held.put(loaded.clone());
        }
        puts
    }

    fn find(&self, by: &AppRef) -> Option<Arc<AppSnapshot>> {
        self.held.read().get(by).cloned()
    }
}

/// Whether a load shows less than what is held; field by field, since tenant and app count apart.
fn is_behind(held: &Index, loaded: &AppSnapshot) -> bool {
    let behind =
        |held: Revision| loaded.revision.app < held.app || loaded.revision.tenant < held.tenant;
    held.app(&loaded.id)
        .is_some_and(|held| behind(held.revision))
}

#[async_trait]
impl Directory for CachedDirectory {
    async fn app(&self, by: &AppRef) -> Result<Arc<AppSnapshot>, DirectoryError> {
        match self.find(by) {
            Some(snapshot) => Ok(snapshot),
            None => self.look_up(by).await,
        }
    }

    fn held(&self, app: &AppId) -> Option<Arc<AppSnapshot>> {
        self.held.read().app(app).cloned()
    }
}

impl fmt::Debug for CachedDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedDirectory").finish_non_exhaustive()
    }
}
