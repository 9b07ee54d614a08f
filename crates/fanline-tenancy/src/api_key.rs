//! API keys: what a backend proves itself with, `fl_<id>_<secret>`.
//!
//! The secret is 256 random bits, so a keyed hash is enough: there is nothing to guess, and a slow hash
//! would only be a lever for whoever sends garbage.

use std::fmt;

use fanline_model::{KeyId, Random, Timestamp};
use subtle::ConstantTimeEq;

use crate::authority::Scopes;
use crate::hash_keys::HashKeys;
use crate::secret::SecretText;

/// What every API key begins with; secret scanners look for it.
const PREFIX: &str = "fl_";
/// 43 characters of base 62 hold 256 bits.
const SECRET_CHARS: usize = 43;
/// A CRC-32 in base 62.
const CHECKSUM_CHARS: usize = 6;

/// An API key as the directory holds it: enough to check a secret, never the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public half.
    pub id: KeyId,
    /// The keyed hash of id and secret.
    pub hash: [u8; 32],
    /// The version of the hash key that made the hash.
    pub hash_key_version: u32,
    /// What it may do.
    pub scopes: Scopes,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// The key that created it; it can do no more, lives no longer, and falls with it (TENANCY 6).
    pub parent: Option<KeyId>,
}

/// An API key in full, as its holder has it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyText {
    id: KeyId,
    secret: SecretText,
}

/// Why a text is no API key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApiKey {
    /// It does not look like one at all.
    #[error("an API key has the form fl_<id>_<secret>; this text has another")]
    Form,
    /// The checksum at its end does not fit.
    #[error("the API key is damaged: its checksum does not fit; copy the whole key again")]
    Checksum,
}

// === impl ApiKey ===

impl ApiKey {
    /// The row of a new key, hashed with the newest hash key.
    pub fn of(text: &ApiKeyText, hash_keys: &HashKeys, scopes: Scopes) -> Self {
        let (hash_key_version, hash) = text.hash_newest(hash_keys);
        Self {
            id: text.id.clone(),
            hash,
            hash_key_version,
            scopes,
            expires_at: None,
            parent: None,
        }
    }

    /// Whether the text is this key. A row whose hash key is gone matches nothing.
    pub fn matches(&self, text: &ApiKeyText, hash_keys: &HashKeys) -> bool {
        let Some(hash) = text.hash(self.hash_key_version, hash_keys) else {
            tracing::error!(key = %self.id, version = self.hash_key_version, "an API key's hash key is missing");
            return false;
        };
        self.id == text.id && bool::from(self.hash.ct_eq(&hash))
    }
}

// === impl ApiKeyText ===

impl ApiKeyText {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Self {
        Self {
            id: KeyId::generate(random),
            secret: SecretText::new(random.alphanumeric(SECRET_CHARS)),
        }
    }

    /// A new token for an operator: the same form, with an id that says so.
    pub fn generate_for_operator(random: &dyn Random) -> Self {
        let key = Self::generate(random);
        let id = KeyId::parse(&format!("op_{}", key.id)).unwrap_or(key.id);
        Self { id, ..key }
    }

    /// Reads `fl_<id>_<secret><checksum>`.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let rest = text.strip_prefix(PREFIX).ok_or(InvalidApiKey::Form)?;
        // The id may hold `_` itself, the secret never does.
        let (id, secret) = rest.rsplit_once('_').ok_or(InvalidApiKey::Form)?;
        let id = KeyId::parse(id).map_err(|_| InvalidApiKey::Form)?;
        let well_formed = secret.len() == SECRET_CHARS + CHECKSUM_CHARS
            && secret.bytes().all(|b| b.is_ascii_alphanumeric());
        if !well_formed {
            return Err(InvalidApiKey::Form);
        }
        let (secret, sum) = secret.split_at(SECRET_CHARS);
        let body = &text[..text.len() - CHECKSUM_CHARS];
        if checksum(body) == sum {
            Ok(Self {
                id,
                secret: SecretText::new(secret),
            })
        } else {
            Err(InvalidApiKey::Checksum)
        }
    }

    /// The public half.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The hash that a row keeps, under the newest hash key, and that key's version.
    pub fn hash_newest(&self, hash_keys: &HashKeys) -> (u32, [u8; 32]) {
        hash_keys.hash_newest(&self.id, self.secret.expose())
    }

    /// The hash under the hash key of this version, if that is still there.
    pub fn hash(&self, version: u32, hash_keys: &HashKeys) -> Option<[u8; 32]> {
        hash_keys.hash(version, &self.id, self.secret.expose())
    }

    /// The whole key, to be shown once to whoever asked for it.
    pub fn expose(&self) -> SecretText {
        let body = format!("{PREFIX}{}_{}", self.id, self.secret.expose());
        let sum = checksum(&body);
        SecretText::new(body + &sum)
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}_..", self.id)
    }
}

/// The CRC-32 (IEEE 802.3) of a text as six digits of base 62, most significant first, so that a scanner
/// of leaked secrets can tell a key from a word without asking anybody.
fn checksum(body: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use fanline_model::SeededRandom;

    use super::*;

    fn key() -> ApiKeyText {
        ApiKeyText::generate(&SeededRandom::new(7))
    }

    #[test]
    fn a_key_reads_back_from_its_text() {
        let text = key().expose();
        assert!(text.expose().starts_with("fl_") && text.expose().len() == 3 + 16 + 1 + 49);
        assert_eq!(ApiKeyText::parse(text.expose()).unwrap(), key());
    }

    #[test]
    fn an_operator_s_token_has_the_same_form_and_says_so() {
        let token = ApiKeyText::generate_for_operator(&SeededRandom::new(7));
        let text = token.expose();
        assert!(text.expose().starts_with("fl_op_"));
        assert_eq!(ApiKeyText::parse(text.expose()).unwrap(), token);
    }

    #[test]
    fn the_checksum_is_a_published_algorithm() {
        // CRC-32 of "123456789" is 0xcbf43926 = 3421780262 in every catalogue.
        assert_eq!(checksum("123456789"), "3jZRME");
    }

    #[test]
    fn a_damaged_or_foreign_text_is_told_apart() {
        let text = key().expose();
        let mut wrong = text.expose().to_owned();
        let last = if wrong.pop() == Some('a') { 'b' } else { 'a' };
        wrong.push(last);
        assert_eq!(ApiKeyText::parse(&wrong), Err(InvalidApiKey::Checksum));
        for other in [
            "",
            "fl_",
            "fl_x_y",
            "sk_live_abc",
            &text.expose()[..60],
            &format!("{} ", text.expose()),
            "fl_é_é",
        ] {
            assert_eq!(
                ApiKeyText::parse(other),
                Err(InvalidApiKey::Form),
                "{other:?}"
            );
        }
    }

    #[test]
    fn only_its_own_secret_under_its_own_hash_key_matches() {
        let hash_keys = HashKeys::new(1, [1; 32]);
        let row = ApiKey::of(&key(), &hash_keys, Scopes::all());
        assert!(row.matches(&key(), &hash_keys));
        let other = ApiKeyText {
            secret: SecretText::new("x".repeat(43)),
            ..key()
        };
        assert!(!row.matches(&other, &hash_keys));
        assert!(!row.matches(&key(), &HashKeys::new(1, [2; 32])));
        assert!(
            !row.matches(&key(), &HashKeys::new(2, [1; 32])),
            "the version of the row is gone"
        );
        let newer = HashKeys::new(1, [1; 32]).with(2, [2; 32]);
        assert!(
            row.matches(&key(), &newer),
            "an older version goes on working"
        );
        assert_eq!(
            ApiKey::of(&key(), &newer, Scopes::all()).hash_key_version,
            2
        );
    }

    #[test]
    fn neither_secret_nor_hash_input_is_in_the_debug_text() {
        let secret = key().secret.expose().to_owned();
        assert!(!format!("{:?}", key()).contains(&secret));
    }
}
