//! App keys: the public names by which clients mean an app.

use std::sync::Arc;

use crate::secret::SecretText;

/// A public key of an app. It proves nothing; with secrets it is also a Pusher key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppKey {
    /// The key, unique in the installation.
    pub key: Arc<str>,
    /// Whether clients may still name it.
    pub enabled: bool,
    /// The live Pusher secrets: none, one, or two while one is being rotated out (TENANCY 8).
    pub pusher_secrets: Vec<SecretText>,
}

// === impl AppKey ===

impl AppKey {
    /// How many Pusher secrets a key may have at once.
    pub const MAX_PUSHER_SECRETS: usize = 2;

    /// An enabled key without Pusher secrets.
    pub fn new(key: impl Into<Arc<str>>) -> Self {
        Self {
            key: key.into(),
            enabled: true,
            pusher_secrets: Vec::new(),
        }
    }

    /// The same key with this one Pusher secret.
    #[must_use]
    pub fn with_pusher_secret(mut self, secret: SecretText) -> Self {
        self.pusher_secrets = vec![secret];
        self
    }
}
