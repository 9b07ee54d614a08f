//! Signatures that were checked before and were right.
//!
//! It holds the signature's result alone (TENANCY 7): what a token may do, and until when, is judged
//! every time. What was wrong is not remembered: it would let strangers push out what is right.

use std::collections::HashSet;

use aws_lc_rs::digest::{Context, SHA256};
use parking_lot::Mutex;

use crate::signing_key::SigningKey;

/// A bounded set of SHA-256 over key and token, in two generations: when the young one is full it
/// becomes the old one, and the old one is forgotten.
#[derive(Debug)]
pub(crate) struct Signatures {
    per_generation: usize,
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashSet<[u8; 32], ahash::RandomState>,
    old: HashSet<[u8; 32], ahash::RandomState>,
}

// === impl Signatures ===

impl Signatures {
    /// Remembers at least `per_generation` signatures and at most twice as many.
    pub(crate) fn new(per_generation: usize) -> Self {
        Self {
            per_generation,
            generations: Mutex::default(),
        }
    }

    /// Whether this token's signature was found right under exactly this key.
    pub(crate) fn know(&self, key: &SigningKey, token: &str) -> bool {
        let digest = digest(key, token);
        let generations = self.generations.lock();
        generations.young.contains(&digest) || generations.old.contains(&digest)
    }

    /// Notes a signature that was right.
    pub(crate) fn remember(&self, key: &SigningKey, token: &str) {
        let digest = digest(key, token);
        let mut generations = self.generations.lock();
        if generations.young.len() >= self.per_generation {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(digest);
    }
}

/// The key's fingerprint goes in, so that a new secret under an old `kid` inherits nothing.
fn digest(key: &SigningKey, token: &str) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(key.fingerprint());
    context.update(token.as_bytes());
    let mut digest = [0; 32];
    // SHA-256 makes 32 bytes, always.
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use fanline_model::{SeededRandom, Timestamp};

    use super::*;

    #[test]
    fn a_signature_is_known_under_its_own_key_only() {
        let random = SeededRandom::new(1);
        let [a, b] = [(); 2].map(|()| SigningKey::generate(&random, Timestamp::default()));
        let signatures = Signatures::new(4);
        signatures.remember(&a, "x.y.z");
        assert!(
            signatures.know(&a, "x.y.z")
                && !signatures.know(&b, "x.y.z")
                && !signatures.know(&a, "x.y.w")
        );
    }

    #[test]
    fn the_oldest_are_forgotten_and_the_number_is_bounded() {
        let key = SigningKey::generate(&SeededRandom::new(1), Timestamp::default());
        let signatures = Signatures::new(4);
        for n in 0..100 {
            signatures.remember(&key, &n.to_string());
        }
        let known = (0..100)
            .filter(|n: &i32| signatures.know(&key, &n.to_string()))
            .count();
        assert!((4..=8).contains(&known), "{known}");
        assert!(signatures.know(&key, "99"));
    }
}
