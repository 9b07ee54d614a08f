//! The keys of the store: what its secrets are hashed and sealed with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fanline_model::{AppId, Random, TenantId};
use fanline_tenancy::{HashKeys, MasterKey, Place, SecretText, Unsealable};

/// The master key and the hash keys, which are apart from it (TENANCY 16).
#[derive(Clone, Debug)]
pub struct Vault {
    /// Seals what must be read again.
    pub master: MasterKey,
    /// Hash what is only ever compared.
    pub hash_keys: HashKeys,
}

/// Where in an app a sealed secret stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'a> {
    pub(crate) purpose: &'static str,
    pub(crate) tenant: &'a TenantId,
    pub(crate) app: &'a AppId,
    pub(crate) row: &'a str,
}

// === impl Vault ===

impl Vault {
    /// A vault of these keys.
    pub fn new(master: MasterKey, hash_keys: HashKeys) -> Self {
        Self { master, hash_keys }
    }

    /// The text that a row may hold.
    pub(crate) fn seal(
        &self,
        slot: Slot<'_>,
        secret: &SecretText,
        random: &dyn Random,
    ) -> Result<String, Unsealable> {
        let blob = self
            .master
            .seal(slot.place(), secret.expose().as_bytes(), random)?;
        Ok(STANDARD.encode(blob))
    }

    /// The secret of a row. One that does not open disables itself alone, loudly (TENANCY 17).
    pub(crate) fn open(&self, slot: Slot<'_>, sealed: &str) -> Option<SecretText> {
        let blob = STANDARD.decode(sealed).map_err(|_| Unsealable);
        let text = blob
            .and_then(|blob| self.master.open(slot.place(), &blob))
            .and_then(|bytes| {
                let text = std::str::from_utf8(bytes.expose()).map_err(|_| Unsealable)?;
                Ok(SecretText::new(text))
            });
        text.inspect_err(|error| {
            let Slot {
                purpose, app, row, ..
            } = slot;
            tracing::error!(purpose, %app, row, %error, "this credential is out of use");
        })
        .ok()
    }
}

impl<'a> Slot<'a> {
    fn place(self) -> Place<'a> {
        Place {
            purpose: self.purpose,
            tenant: self.tenant,
            app: self.app,
            row: self.row,
        }
    }
}
