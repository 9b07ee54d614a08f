//! A change of an app: down through the signals to every node, and up from them into this node's cache.
//!
//! The way down never waits for others: whoever changed something is answered when it is in force here. The way up
//! does nothing itself: it notes which apps are stale, and [`StaleApps::keep_fresh`] reads them again, each once
//! however many signals named it. Sessions are decided anew by the engine's sweep, as soon as the cache holds
//! another revision.

use std::{
    collections::HashSet,
    convert::Infallible,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fanline_broker::{Signal, SignalHandler, Signals};
use fanline_control::AppChanges;
use fanline_model::AppId;
use fanline_tenancy::{CachedDirectory, Directory as _, DirectoryError};
use futures_util::{StreamExt as _, stream};
use tokio::{sync::Notify, time::timeout};

/// How many apps are read at once.
const ABREAST: usize = 8;
/// When to try again what the store did not answer.
const AGAIN: Duration = Duration::from_secs(1);

/// The way down: whoever changes an app tells it here.
pub(crate) struct AppChangesOut {
    directory: Arc<CachedDirectory>,
    signals: Arc<dyn Signals>,
}

/// The way up: apps that changed somewhere.
pub(crate) struct StaleApps {
    directory: Arc<CachedDirectory>,
    apps: Mutex<HashSet<AppId>>,
    news: Notify,
}

// === impl AppChangesOut ===

impl AppChangesOut {
    /// Tells this cache, and every node by these signals.
    pub(crate) fn new(directory: Arc<CachedDirectory>, signals: Arc<dyn Signals>) -> Self {
        Self { directory, signals }
    }
}

#[async_trait::async_trait]
impl AppChanges for AppChangesOut {
    async fn changed(&self, app: &AppId) {
        let refreshed = self.directory.refresh(app).await;
        if let Err(error) = &refreshed {
            // What is held goes on being served (TENANCY 10); the signal, which this node hears too, lets it be
            // read again.
            tracing::error!(%app, %error, "a changed app could not be read again; trying on");
        }
        let held = self.directory.held(app).filter(|_| refreshed.is_ok());
        let signal = Signal::AppChanged {
            app: app.clone(),
            revision: held.map_or(0, |held| held.revision.app),
        };
        // In a task of its own: the answer does not wait for it.
        let signals = Arc::clone(&self.signals);
        tokio::spawn(async move {
            if let Err(error) = signals.send(signal).await {
                tracing::warn!(%error, "other nodes may not know of a changed app yet");
            }
        });
    }
}

// === impl StaleApps ===

impl StaleApps {
    /// Nothing is stale yet in this cache.
    pub(crate) fn new(directory: Arc<CachedDirectory>) -> Self {
        Self {
            directory,
            apps: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// Reads what is stale again, and again until the store answers; never ends.
    pub(crate) async fn keep_fresh(&self) -> Infallible {
        loop {
            let stale = mem::take(&mut *self.apps());
            if stale.is_empty() {
                self.news.notified().await;
                continue;
            }
            let unread: Vec<_> = stream::iter(stale)
                .map(|app| self.refresh(app))
                .buffer_unordered(ABREAST)
                .filter_map(std::future::ready)
                .collect()
                .await;
            if !unread.is_empty() {
                self.apps().extend(unread);
                // News do not wait for what the store does not answer.
                let _ = timeout(AGAIN, self.news.notified()).await;
            }
        }
    }

    /// The app, if it has to be read once more.
    async fn refresh(&self, app: AppId) -> Option<AppId> {
        match self.directory.refresh(&app).await {
            Ok(()) => None,
            // There is nothing to read.
            Err(DirectoryError::Unknown) => None,
            Err(error) => {
                tracing::warn!(%app, %error, "a changed app cannot be read; trying on");
                Some(app)
            }
        }
    }

    fn apps(&self) -> MutexGuard<'_, HashSet<AppId>> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SignalHandler for StaleApps {
    fn signal(&self, signal: &Signal) {
        match signal {
            // An app that is not held is read too: an older version of it may be on its way into the cache.
            Signal::AppChanged { app, revision } => {
                let held = self.directory.held(app);
                if held.is_none_or(|held| held.revision.app != *revision) {
                    self.apps().insert(app.clone());
                    self.news.notify_one();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
