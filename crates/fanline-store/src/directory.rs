//! The store as a directory. It asks the database every time: put the cache in front of it.

use std::sync::Arc;

use async_trait::async_trait;
use fanline_model::{AppId, TenantId};
use fanline_tenancy::{AppRef, AppSnapshot, Directory, DirectoryError};

use crate::error::StoreError;
use crate::scope::{Operator, Store, sql};
use crate::snapshot;

/// Who is this key: every app of the installation, read from the database.
#[derive(Clone, Debug)]
pub struct StoreDirectory(Operator);

// === impl StoreDirectory ===

impl StoreDirectory {
    /// The directory of a store.
    pub fn new(store: &Store) -> Self {
        Self(store.operator())
    }

    async fn load(&self, by: &AppRef) -> Result<Option<AppSnapshot>, StoreError> {
        let mut transaction = self.0.read().await?;
        let (statement, name) = match by {
            AppRef::Id(id) => (
                sql("SELECT tenant_id, id AS app_id FROM apps WHERE id = $1"),
                id.to_string(),
            ),
            AppRef::Key(key) => (
                sql("SELECT tenant_id, app_id FROM app_keys WHERE key = $1"),
                key.to_string(),
            ),
            AppRef::PusherApp(alias) => (
                sql("SELECT tenant_id, id AS app_id FROM apps WHERE pusher_app_id = $1"),
                alias.to_string(),
            ),
            AppRef::ApiKey(id) => (
                sql("SELECT tenant_id, app_id FROM api_keys WHERE id = $1"),
                id.to_string(),
            ),
        };
        let Some(row) = statement
            .bind(name)
            .fetch_optional(&mut *transaction)
            .await?
        else {
            return Ok(None);
        };
        let tenant = snapshot::id(&row, "apps", "tenant_id", TenantId::parse)?;
        let app = snapshot::id(&row, "apps", "app_id", AppId::parse)?;
        snapshot::load(&mut transaction, self.0.store(), &tenant, &app).await
    }
}

#[async_trait]
impl Directory for StoreDirectory {
    async fn app(&self, by: &AppRef) -> Result<Arc<AppSnapshot>, DirectoryError> {
        match self.load(by).await {
            Ok(Some(app)) => Ok(Arc::new(app)),
            Ok(None) => Err(DirectoryError::Unknown),
            Err(error) => {
                // Only rows that are read and absent are unknown (TENANCY 12).
                tracing::error!(%error, "the directory cannot be read");
                Err(DirectoryError::Unavailable)
            }
        }
    }

    fn held(&self, _app: &AppId) -> Option<Arc<AppSnapshot>> {
        None
    }
}
