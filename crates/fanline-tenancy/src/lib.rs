//! Who is asking, and what may they do: apps, keys, proofs, tokens, capabilities, rules.
//!
//! The one wall of the house stands in [`access`]: every protocol and every transport asks it, and no
//! other place decides. Storage is behind the port [`Directory`]; this crate does no IO of its own and
//! never logs a secret.

pub mod access;
mod admission;
mod api_key;
mod app;
mod app_key;
mod authority;
mod cached;
mod directory;
mod hash_keys;
mod hmac;
mod index;
mod mint;
mod proof;
mod rule;
mod sealing;
mod secret;
mod signature;
mod signing_key;
mod standing;
mod static_directory;
mod token;
mod verifier;

pub use admission::VerificationRates;
pub use api_key::{ApiKey, ApiKeyText, InvalidApiKey};
pub use app::{AppSettings, AppSnapshot, Revision, TenantState};
pub use app_key::AppKey;
pub use authority::{
    Authority, Capabilities, Capability, CapabilityError, CredentialRef, Rights, Scope, Scopes,
};
pub use cached::CachedDirectory;
pub use directory::{AppRef, Directory, DirectoryError};
pub use hash_keys::HashKeys;
pub use mint::{MintError, MintRequest, Minted};
pub use proof::{AuthError, Proof, SignatureOf};
pub use rule::{Access, NamespaceRule, RuleTable, SlowConsumer};
pub use sealing::{MasterKey, Place, Unsealable};
pub use secret::{SecretBytes, SecretText};
pub use signing_key::{SigningAlgorithm, SigningKey, WeakSecret};
pub use static_directory::StaticDirectory;
pub use verifier::{Verified, Verifier};
