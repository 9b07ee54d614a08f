//! What a protocol hands in as evidence. It never judges it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// Evidence of who is asking, as a protocol read it from a frame or a request.
#[derive(Clone)]
pub enum Proof {
    /// Nothing but the app's public key: an anonymous caller.
    None,
    /// A JWT.
    Token(Arc<str>),
    /// An API key, `fl_<keyid>_<secret>`.
    ApiKey(Arc<str>),
    /// A signature by a key that the app shares with its backend (Pusher's).
    Signature {
        /// What the signature is for; a signature for one purpose proves no other.
        of: SignatureOf,
        /// The app key it names.
        key: Arc<str>,
        /// The texts that may have been signed; one of them must match (pusher.md 14).
        signed: Vec<Bytes>,
        /// The signature: HMAC-SHA-256, in lower-case hex, as received.
        signature: Arc<str>,
    },
}

/// The purpose of a [`Proof::Signature`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureOf {
    /// An HTTP request.
    Request,
    /// Subscribing one connection to one channel.
    Channel,
    /// Signing in one connection as a user.
    User,
}

/// Why a proof was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No app by the name that was given.
    #[error("no app has the key or id that was given")]
    UnknownApp,
    /// The app or its tenant is switched off.
    #[error("the app is disabled")]
    AppDisabled,
    /// The credential does not verify; the text says what to look at and holds no secret.
    #[error("{0}")]
    Refused(String),
    /// The token's time is over.
    #[error("the token has expired")]
    Expired,
    /// The directory cannot be asked now: come back later.
    #[error("the credential cannot be checked now; try again")]
    Unavailable,
    /// Too many verifications at once: come back later.
    #[error("credentials are checked too fast; try again")]
    Busy,
}

impl fmt::Debug for Proof {
    /// Says the kind and the key, never the evidence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Token(_) => f.write_str("Token(..)"),
            Self::ApiKey(_) => f.write_str("ApiKey(..)"),
            Self::Signature { of, key, .. } => f
                .debug_struct("Signature")
                .field("of", of)
                .field("key", key)
                .finish_non_exhaustive(),
        }
    }
}
