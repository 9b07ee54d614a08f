//! Signing keys: what the JWTs of an app's end users are signed with.

use aws_lc_rs::digest::{Context, SHA256};
use fanline_model::{KeyId, Random, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use crate::secret::{SecretBytes, SecretText};

/// How the tokens of a key are signed. It is pinned per key and never taken from a token's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

/// A key that signs tokens of one app.
///
/// The bytes of the secret's text are the HMAC key, as every JWT library takes them.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// The `kid` in the header of its tokens.
    pub kid: KeyId,
    /// What its tokens must be signed with.
    pub algorithm: SigningAlgorithm,
    /// Whether we made it; a key from elsewhere must name this app in `aud` (TENANCY 3).
    pub generated: bool,
    /// When it was made. Tokens are minted with the newest.
    pub created_at: Timestamp,
    secret: SecretText,
    fingerprint: SecretBytes,
}

/// A secret that is too short to sign with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret for {algorithm} needs at least {needed} bytes, this one has {has} (RFC 7518, 3.2)"
)]
pub struct WeakSecret {
    algorithm: &'static str,
    needed: usize,
    has: usize,
}

// === impl SigningAlgorithm ===

impl SigningAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Hs256, Self::Hs384, Self::Hs512];

    /// The name in a JWT's header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// Reads the name of [`SigningAlgorithm::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
    }

    pub(crate) const fn jwt(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Hs384 => Algorithm::HS384,
            Self::Hs512 => Algorithm::HS512,
        }
    }

    /// The shortest secret: as long as the hash.
    const fn secret_bytes(self) -> usize {
        match self {
            Self::Hs256 => 32,
            Self::Hs384 => 48,
            Self::Hs512 => 64,
        }
    }
}

// === impl SigningKey ===

impl SigningKey {
    /// A key with this secret.
    pub fn new(
        kid: KeyId,
        algorithm: SigningAlgorithm,
        secret: SecretText,
        generated: bool,
        created_at: Timestamp,
    ) -> Result<Self, WeakSecret> {
        let (needed, has) = (algorithm.secret_bytes(), secret.expose().len());
        if has < needed {
            return Err(WeakSecret {
                algorithm: algorithm.as_str(),
                needed,
                has,
            });
        }
        Ok(Self::build(kid, algorithm, secret, generated, created_at))
    }

    /// A new HS256 key with 256 random bits.
    pub fn generate(random: &dyn Random, now: Timestamp) -> Self {
        let secret = SecretText::new(random.alphanumeric(43));
        Self::build(
            KeyId::generate(random),
            SigningAlgorithm::Hs256,
            secret,
            true,
            now,
        )
    }

    /// The secret, to be shown once or sealed.
    pub fn secret(&self) -> &SecretText {
        &self.secret
    }

    pub(crate) fn decoding(&self) -> DecodingKey {
        DecodingKey::from_secret(self.secret.expose().as_bytes())
    }

    pub(crate) fn encoding(&self) -> EncodingKey {
        EncodingKey::from_secret(self.secret.expose().as_bytes())
    }

    /// Tells this key from every other, also from one that took its `kid` later.
    pub(crate) fn fingerprint(&self) -> &[u8] {
        self.fingerprint.expose()
    }

    fn build(
        kid: KeyId,
        algorithm: SigningAlgorithm,
        secret: SecretText,
        generated: bool,
        created_at: Timestamp,
    ) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(algorithm.as_str().as_bytes());
        context.update(b"\0");
        context.update(secret.expose().as_bytes());
        let fingerprint = SecretBytes::new(context.finish().as_ref());
        Self {
            kid,
            algorithm,
            generated,
            created_at,
            secret,
            fingerprint,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_short_secret_is_refused_with_the_length_it_needs() {
        let make = |algorithm, length: usize| {
            let secret = SecretText::new("x".repeat(length));
            SigningKey::new(
                KeyId::parse("k").unwrap(),
                algorithm,
                secret,
                false,
                Timestamp::default(),
            )
        };
        assert!(make(SigningAlgorithm::Hs256, 32).is_ok());
        let weak = make(SigningAlgorithm::Hs256, 31).unwrap_err();
        assert_eq!(
            weak.to_string(),
            "a secret for HS256 needs at least 32 bytes, this one has 31 (RFC 7518, 3.2)"
        );
        assert!(
            make(SigningAlgorithm::Hs512, 63).is_err() && make(SigningAlgorithm::Hs512, 64).is_ok()
        );
    }

    #[test]
    fn the_names_of_algorithms_read_back() {
        for algorithm in SigningAlgorithm::ALL {
            assert_eq!(SigningAlgorithm::parse(algorithm.as_str()), Some(algorithm));
        }
        assert_eq!(SigningAlgorithm::parse("none"), None);
    }
}
