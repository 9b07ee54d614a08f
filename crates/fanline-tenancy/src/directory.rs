//! The port to wherever apps are kept.

use std::sync::Arc;

use async_trait::async_trait;
use fanline_model::{AppId, KeyId};

use crate::api_key::{ApiKeyText, InvalidApiKey};
use crate::app::AppSnapshot;

/// How a caller names its app, outside of any token (TENANCY 2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AppRef {
    /// By id, from something already verified.
    Id(AppId),
    /// By one of its public keys.
    Key(Arc<str>),
    /// By its Pusher app id.
    PusherApp(Arc<str>),
    /// By the id of one of its API keys.
    ApiKey(KeyId),
}

/// Why there is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The store says that there is no such app. Only the store may say so (TENANCY 12).
    #[error("no app by that name")]
    Unknown,
    /// The store cannot be asked and nothing is held: a retryable ending, never "unknown".
    #[error("the directory cannot be read now")]
    Unavailable,
}

/// Who is this key, what may it do, at which revision.
///
/// Implementations: the store, a fixed one for tests, and the cache in front of either. A snapshot is
/// immutable and complete; two calls may answer different revisions.
#[async_trait]
pub trait Directory: Send + Sync + 'static {
    /// The snapshot of an app. May ask a database: never on a hot path, except through the cache.
    async fn app(&self, by: &AppRef) -> Result<Arc<AppSnapshot>, DirectoryError>;

    /// The newest snapshot of this app that is in memory, without asking anybody.
    fn held(&self, app: &AppId) -> Option<Arc<AppSnapshot>>;
}

// === impl AppRef ===

impl AppRef {
    /// The app that an API key belongs to, by the key's own id.
    pub fn from_api_key(text: &str) -> Result<Self, InvalidApiKey> {
        ApiKeyText::parse(text).map(|key| Self::ApiKey(key.id().clone()))
    }
}
