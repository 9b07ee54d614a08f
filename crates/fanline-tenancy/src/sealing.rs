//! Secrets that must be read again are sealed: AES-256-GCM under a key derived from the master key
//! (TENANCY 16).
//!
//! Where a secret stands is authenticated with it, so that a blob copied to another row opens nowhere.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use fanline_model::{AppId, Random, TenantId};

use crate::hmac::hmac_sha256;
use crate::secret::SecretBytes;

/// The first byte of every blob, so that another form can follow.
const VERSION: u8 = 1;

/// The key from which every other key of the installation is derived, with its version.
#[derive(Clone)]
pub struct MasterKey {
    version: u32,
    key: SecretBytes,
}

/// Where a sealed secret belongs.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// What the secret is for, such as `signing_key`.
    pub purpose: &'a str,
    /// The tenant of the app.
    pub tenant: &'a TenantId,
    /// The app.
    pub app: &'a AppId,
    /// The row that holds it.
    pub row: &'a str,
}

/// A blob that cannot be opened: another master key, another place, or damage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a sealed secret cannot be opened: it was sealed under another master key or for another place"
)]
pub struct Unsealable;

// === impl MasterKey ===

impl MasterKey {
    /// A master key of 256 random bits.
    pub fn new(version: u32, key: [u8; 32]) -> Self {
        Self {
            version,
            key: SecretBytes::new(key),
        }
    }

    /// A new one, version 1.
    pub fn generate(random: &dyn Random) -> Self {
        let mut key = [0; 32];
        random.fill(&mut key);
        Self::new(1, key)
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The key for one purpose; it says nothing about the master or the others.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        hmac_sha256(self.key.expose(), &[b"fanline/1/", purpose.as_bytes()])
    }

    /// Seals a secret for its place.
    pub fn seal(
        &self,
        place: Place<'_>,
        secret: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, Unsealable> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut blob = vec![VERSION];
        blob.extend(self.version.to_be_bytes());
        blob.extend(nonce);
        let mut text = secret.to_vec();
        let data = Aad::from(self.associated_data(place));
        self.aead()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), data, &mut text)
            .map_err(|_| Unsealable)?;
        blob.extend(text);
        Ok(blob)
    }

    /// Opens what [`MasterKey::seal`] made for the same place.
    pub fn open(&self, place: Place<'_>, blob: &[u8]) -> Result<SecretBytes, Unsealable> {
        let (version, rest) = blob.split_first().ok_or(Unsealable)?;
        let (key_version, rest) = rest.split_first_chunk::<4>().ok_or(Unsealable)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unsealable)?;
        if *version != VERSION || u32::from_be_bytes(*key_version) != self.version {
            return Err(Unsealable);
        }
        let mut text = sealed.to_vec();
        let data = Aad::from(self.associated_data(place));
        let opened = self
            .aead()?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), data, &mut text)
            .map_err(|_| Unsealable)?;
        Ok(SecretBytes::new(&*opened))
    }

    fn aead(&self) -> Result<LessSafeKey, Unsealable> {
        UnboundKey::new(&AES_256_GCM, &self.derive("sealing"))
            .map(LessSafeKey::new)
            .map_err(|_| Unsealable)
    }

    /// Each part with its length before it, so that no two places have the same text.
    fn associated_data(&self, place: Place<'_>) -> Vec<u8> {
        let Place {
            purpose,
            tenant,
            app,
            row,
        } = place;
        let version = self.version.to_string();
        let parts = [purpose, tenant.as_str(), app.as_str(), row, &version];
        let framed = parts
            .iter()
            .flat_map(|part| [&(part.len() as u64).to_be_bytes(), part.as_bytes()].concat());
        framed.collect()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use fanline_model::SeededRandom;

    use super::*;

    #[test]
    fn a_secret_opens_in_its_own_place_only() {
        let random = SeededRandom::new(1);
        let master = MasterKey::generate(&random);
        let (tenant, app, other) = ("ten_a", "app_a", "app_b");
        let (tenant, other_tenant) = (
            TenantId::parse(tenant).unwrap(),
            TenantId::parse("ten_b").unwrap(),
        );
        let (app, other) = (AppId::parse(app).unwrap(), AppId::parse(other).unwrap());
        let place = Place {
            purpose: "signing_key",
            tenant: &tenant,
            app: &app,
            row: "k1",
        };
        let blob = master.seal(place, b"hunter2", &random).unwrap();
        assert_eq!(master.open(place, &blob).unwrap().expose(), b"hunter2");
        for elsewhere in [
            Place {
                purpose: "pusher_secret",
                ..place
            },
            Place {
                tenant: &other_tenant,
                ..place
            },
            Place {
                app: &other,
                ..place
            },
            Place { row: "k2", ..place },
        ] {
            assert_eq!(
                master.open(elsewhere, &blob),
                Err(Unsealable),
                "{elsewhere:?}"
            );
        }
        assert_eq!(
            MasterKey::new(2, [1; 32]).open(place, &blob),
            Err(Unsealable)
        );
        assert_eq!(
            MasterKey::generate(&random).open(place, &blob),
            Err(Unsealable)
        );
    }

    #[test]
    fn a_damaged_blob_opens_nothing_and_two_seals_differ() {
        let random = SeededRandom::new(1);
        let master = MasterKey::generate(&random);
        let (tenant, app) = (TenantId::parse("t").unwrap(), AppId::parse("a").unwrap());
        let place = Place {
            purpose: "p",
            tenant: &tenant,
            app: &app,
            row: "r",
        };
        let blob = master.seal(place, b"hunter2", &random).unwrap();
        assert_ne!(master.seal(place, b"hunter2", &random).unwrap(), blob);
        assert!(!blob.windows(7).any(|window| window == b"hunter2"));
        for cut in 0..blob.len() {
            assert_eq!(master.open(place, &blob[..cut]), Err(Unsealable), "{cut}");
            let mut flipped = blob.clone();
            flipped[cut] ^= 1;
            assert_eq!(master.open(place, &flipped), Err(Unsealable), "{cut}");
        }
    }

    #[test]
    fn purposes_have_keys_of_their_own() {
        let master = MasterKey::new(1, [3; 32]);
        assert_ne!(master.derive("a"), master.derive("b"));
        assert_eq!(master.derive("a"), MasterKey::new(2, [3; 32]).derive("a"));
        assert_eq!(format!("{master:?}"), "MasterKey { version: 1, .. }");
    }
}
