//! Telling the rest of the process that an app changed.

use async_trait::async_trait;
use fanline_model::AppId;
use fanline_tenancy::CachedDirectory;

/// Whoever must know of a change before it is answered.
#[async_trait]
pub trait AppChanges: Send + Sync + 'static {
    /// The app has a new revision, which is committed. When this returns, whoever asks sees it.
    async fn changed(&self, app: &AppId);
}

#[async_trait]
impl AppChanges for CachedDirectory {
    async fn changed(&self, app: &AppId) {
        if let Err(error) = self.refresh(app).await {
            // What is held goes on being served (TENANCY 10); the next change reads it again.
            tracing::error!(%app, %error, "a changed app could not be read again");
        }
    }
}
