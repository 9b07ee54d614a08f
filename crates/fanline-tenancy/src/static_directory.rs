//! A directory of fixed apps, for tests and for whoever needs no store.

use std::sync::Arc;

use async_trait::async_trait;
use fanline_model::AppId;
use parking_lot::RwLock;

use crate::app::AppSnapshot;
use crate::directory::{AppRef, Directory, DirectoryError};
use crate::index::Index;

/// Apps in memory. They change only by [`StaticDirectory::replace`].
#[derive(Debug, Default)]
pub struct StaticDirectory(RwLock<Index>);

// === impl StaticDirectory ===

impl StaticDirectory {
    /// A directory of these apps.
    pub fn new(apps: Vec<AppSnapshot>) -> Self {
        let directory = Self::default();
        apps.into_iter().for_each(|app| directory.replace(app));
        directory
    }

    /// Puts this snapshot in place of the app's former one, or adds the app.
    pub fn replace(&self, app: AppSnapshot) {
        self.0.write().put(Arc::new(app));
    }
}

#[async_trait]
impl Directory for StaticDirectory {
    async fn app(&self, by: &AppRef) -> Result<Arc<AppSnapshot>, DirectoryError> {
        self.0
            .read()
            .get(by)
            .cloned()
            .ok_or(DirectoryError::Unknown)
    }

    fn held(&self, app: &AppId) -> Option<Arc<AppSnapshot>> {
        self.0.read().app(app).cloned()
    }
}
