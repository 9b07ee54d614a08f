//! Who sends signals, and by what others know that they come from one of theirs.

use std::fmt;

use fanline_broker::BootId;
use fanline_model::NodeId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The bytes of a MAC.
pub(super) const MAC_BYTES: usize = 32;
/// What HMAC-SHA-256 pads a key to.
const BLOCK_BYTES: usize = 64;

/// A node as the sender of signals.
#[derive(Clone, Debug)]
pub struct SignalSender {
    /// The installation. Two of them in one Redis do not hear each other.
    pub installation: InstallationId,
    /// The node.
    pub node: NodeId,
    /// Its present life, within which no counter is used twice.
    pub boot: BootId,
    /// The key that all nodes of the installation have.
    pub key: SignalKey,
}

/// Names an installation among those that may share a Redis by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstallationId(pub [u8; 16]);

/// The key that signs signals, with its version. Where it comes from is not this crate's to know.
#[derive(Clone)]
pub struct SignalKey {
    version: u32,
    keyed: Hmac<Sha256>,
}

// === impl SignalKey ===

impl SignalKey {
    /// A key of 256 random bits.
    pub fn new(version: u32, secret: [u8; 32]) -> Self {
        // HMAC pads with zeroes itself; a whole block spares the case of a key that does not fit.
        let mut block = [0; BLOCK_BYTES];
        block[..secret.len()].copy_from_slice(&secret);
        Self {
            version,
            keyed: Hmac::new(&block.into()),
        }
    }

    pub(super) fn version(&self) -> u32 {
        self.version
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> [u8; MAC_BYTES] {
        let mut mac = self.keyed.clone();
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(super) fn has_signed(&self, bytes: &[u8], code: &[u8; MAC_BYTES]) -> bool {
        let mut mac = self.keyed.clone();
        mac.update(bytes);
        mac.verify_slice(code).is_ok()
    }
}

/// Without the key.
impl fmt::Debug for SignalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalKey")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_hmac_sha_256() {
        // RFC 4231, case 2, has a key of 4 bytes; HMAC pads it as this does.
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(b"Jefe");
        let code = SignalKey::new(1, secret).sign(b"what do ya want for nothing?");
        let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_key_does_not_tell_itself() {
        let text = format!("{:?}", SignalKey::new(7, [42; 32]));
        assert_eq!(text, "SignalKey { version: 7, .. }");
    }
}
