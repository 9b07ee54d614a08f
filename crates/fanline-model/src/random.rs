//! Randomness as an argument.

use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

/// Where random bytes come from. Everything below the server takes one instead of asking the system.
pub trait Random: Send + Sync + 'static {
    /// Fills the buffer with bytes that nobody outside can guess.
    fn fill(&self, buffer: &mut [u8]);
}

impl dyn Random {
    /// A random number of 64 bits.
    pub fn u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A random number of 128 bits.
    pub fn u128(&self) -> u128 {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        u128::from_le_bytes(bytes)
    }

    /// `count` random characters of `0-9A-Za-z`, each worth nearly 6 bits.
    pub fn alphanumeric(&self, count: usize) -> String {
        const ALPHABET: &[u8; 62] =
            b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut text = String::with_capacity(count);
        let mut bytes = [0; 32];
        while text.len() < count {
            self.fill(&mut bytes);
            // Bytes of 248 and above are thrown away: 256 is no multiple of 62.
            let usable = bytes.iter().filter(|byte| **byte < 248);
            text.extend(
                usable
                    .take(count - text.len())
                    .map(|byte| char::from(ALPHABET[usize::from(byte % 62)])),
            );
        }
        text
    }
}

/// The thread's generator, seeded by the operating system (ChaCha12, reseeded).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

/// A generator that repeats itself for the same seed, for tests only.
#[derive(Debug)]
pub struct SeededRandom(Mutex<StdRng>);

impl Random for SystemRandom {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        rand::rng().fill_bytes(buffer);
    }
}

impl SeededRandom {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .fill_bytes(buffer);
    }
}
