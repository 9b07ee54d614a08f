//! The keys that API keys and operator tokens are hashed with: apart from the master key, versioned
//! (TENANCY 16).

use std::collections::BTreeMap;

use fanline_model::KeyId;

use crate::hmac::hmac_sha256;
use crate::secret::SecretBytes;

/// Every live version. New hashes are made with the newest; a version is retired only when no row uses it.
#[derive(Clone, Debug)]
pub struct HashKeys {
    newest: (u32, SecretBytes),
    older: BTreeMap<u32, SecretBytes>,
}

// === impl HashKeys ===

impl HashKeys {
    /// One key with its version.
    pub fn new(version: u32, key: [u8; 32]) -> Self {
        Self {
            newest: (version, SecretBytes::new(key)),
            older: BTreeMap::new(),
        }
    }

    /// The same keys and one more.
    #[must_use]
    pub fn with(mut self, version: u32, key: [u8; 32]) -> Self {
        let key = SecretBytes::new(key);
        if version >= self.newest.0 {
            let (before, old) = std::mem::replace(&mut self.newest, (version, key));
            if before != version {
                self.older.insert(before, old);
            }
        } else {
            self.older.insert(version, key);
        }
        self
    }

    /// The hash of a key's id and secret with the newest version, and that version.
    pub fn hash_newest(&self, id: &KeyId, secret: &str) -> (u32, [u8; 32]) {
        let (version, key) = &self.newest;
        (*version, hash_with(key, id, secret))
    }

    /// The hash with a given version, if that is still there.
    pub fn hash(&self, version: u32, id: &KeyId, secret: &str) -> Option<[u8; 32]> {
        let (newest, key) = &self.newest;
        let key = if version == *newest {
            key
        } else {
            self.older.get(&version)?
        };
        Some(hash_with(key, id, secret))
    }
}

/// The id goes in, so that a row's hash copied to another row opens nothing. An id holds no NUL.
fn hash_with(key: &SecretBytes, id: &KeyId, secret: &str) -> [u8; 32] {
    hmac_sha256(
        key.expose(),
        &[id.as_str().as_bytes(), b"\0", secret.as_bytes()],
    )
}
