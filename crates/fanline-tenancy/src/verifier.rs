//! The judge of proofs: a protocol hands one in, a verified caller comes out.
//!
//! The app comes from the proof's own app, never from anything a client says beside it: a credential of
//! one app under the name of another is refused.

use std::fmt;
use std::sync::Arc;

use fanline_model::{Clock, Random};

use crate::admission::{Admission, Lane, VerificationRates};
use crate::api_key::ApiKeyText;
use crate::app::AppSnapshot;
use crate::app_key::AppKey;
use crate::authority::{Authority, CredentialRef, Rights};
use crate::directory::{AppRef, Directory, DirectoryError};
use crate::hash_keys::HashKeys;
use crate::mint::{self, MintError, MintRequest, Minted};
use crate::proof::{AuthError, Proof, SignatureOf};
use crate::signature::check_signature;
use crate::standing::standing;
use crate::token;
use crate::token::signatures::Signatures;

/// How many right signatures a generation of the memory holds (about 1 MiB in all).
const SIGNATURES: usize = 16_384;

/// Verifies proofs and mints tokens.
pub struct Verifier {
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    hash_keys: HashKeys,
    signatures: Signatures,
    admission: Admission,
}

/// A caller that proved itself, and the snapshot it was judged by.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The app's snapshot.
    pub app: Arc<AppSnapshot>,
    /// Who and what.
    pub authority: Authority,
}

// === impl Verifier ===

impl Verifier {
    /// A verifier that asks this directory.
    pub fn new(
        directory: Arc<dyn Directory>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        hash_keys: HashKeys,
    ) -> Self {
        let admission = Admission::new(VerificationRates::default());
        Self {
            directory,
            clock,
            random,
            hash_keys,
            signatures: Signatures::new(SIGNATURES),
            admission,
        }
    }

    /// The same with other rates.
    #[must_use]
    pub fn with_rates(mut self, rates: VerificationRates) -> Self {
        self.admission = Admission::new(rates);
        self
    }

    /// Judges the proof of a newcomer: a connection's first, or an HTTP request's.
    pub async fn authenticate(&self, by: &AppRef, proof: &Proof) -> Result<Verified, AuthError> {
        self.judge(by, proof, Lane::Newcomer).await
    }

    /// Judges the next proof of a session that already stands. It is admitted in a lane of its own, so
    /// that a storm of newcomers cuts nobody (TENANCY 23). That app and subject stay is the caller's to see.
    pub async fn refresh(&self, by: &AppRef, proof: &Proof) -> Result<Verified, AuthError> {
        self.judge(by, proof, Lane::Refresh).await
    }

    /// Whether a signature for a channel or a user, made for an existing connection, is right.
    pub fn verify_signature(&self, app: &AppSnapshot, proof: &Proof) -> Result<(), AuthError> {
        match proof {
            Proof::Signature {
                of: SignatureOf::Channel | SignatureOf::User,
                key,
                signed,
                signature,
            } => check_signature(app, key, signed, signature),
            _ => Err(refused(
                "here only the signature of a channel or a user proves anything",
            )),
        }
    }

    /// Makes a token for `maker`, an API key of this app.
    pub fn mint(
        &self,
        app: &AppSnapshot,
        maker: &Authority,
        request: MintRequest,
    ) -> Result<Minted, MintError> {
        mint::mint(app, maker, request, self.clock.now(), &*self.random)
    }

    async fn judge(&self, by: &AppRef, proof: &Proof, lane: Lane) -> Result<Verified, AuthError> {
        let app = self
            .directory
            .app(by)
            .await
            .map_err(|error| match (error, by) {
                (DirectoryError::Unknown, AppRef::ApiKey(_)) => {
                    refused("no app has this API key; it may have been removed")
                }
                (DirectoryError::Unknown, _) => AuthError::UnknownApp,
                (DirectoryError::Unavailable, _) => AuthError::Unavailable,
            })?;
        if !app.is_serving() {
            return Err(AuthError::AppDisabled);
        }
        let named = match by {
            AppRef::Key(key) => Some(live_key(&app, key)?),
            _ => None,
        };
        let mut authority = match proof {
            Proof::None => anonymous(&app, named)?,
            Proof::Token(text) => {
                let now = self.clock.now();
                let admit = || self.admission.admit(&app.id, lane, now);
                token::verify(&app, text, now, &self.signatures, admit)?
            }
            Proof::ApiKey(text) => self.api_key(&app, text)?,
            Proof::Signature {
                of: SignatureOf::Request,
                key,
                signed,
                signature,
            } => {
                check_signature(&app, key, signed, signature)?;
                caller(
                    &app,
                    Rights::Pusher,
                    vec![CredentialRef::AppKey(key.clone())],
                )
            }
            Proof::Signature { .. } => {
                return Err(refused(
                    "a signature for a channel or a user opens nothing else",
                ));
            }
        };
        let named = named.map(|key| CredentialRef::AppKey(key.key.clone()));
        authority
            .credentials
            .extend(named.filter(|key| !authority.credentials.contains(key)));
        Ok(Verified { app, authority })
    }

    fn api_key(&self, app: &AppSnapshot, text: &str) -> Result<Authority, AuthError> {
        let text = ApiKeyText::parse(text).map_err(|why| AuthError::Refused(why.to_string()))?;
        let right = app
            .api_keys
            .get(text.id())
            .is_some_and(|key| key.matches(&text, &self.hash_keys));
        if !right {
            return Err(refused(
                "the app has no such API key; it may have been removed, or belong to another app",
            ));
        }
        let standing = standing(app, text.id(), self.clock.now())?;
        Ok(Authority {
            expires_at: standing.expires_at,
            ..caller(app, Rights::ApiKey(standing.scopes), standing.credentials)
        })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

/// A caller without subject, end or channels of its own.
fn caller(app: &AppSnapshot, rights: Rights, credentials: Vec<CredentialRef>) -> Authority {
    Authority {
        app: app.id.clone(),
        subject: None,
        rights,
        expires_at: None,
        channels: Vec::new(),
        credentials,
    }
}

/// Whoever knows a public key of the app.
fn anonymous(app: &AppSnapshot, named: Option<&AppKey>) -> Result<Authority, AuthError> {
    if named.is_none() {
        return Err(refused(
            "a credential is missing: send a token or an API key, or name the app by its app key",
        ));
    }
    Ok(caller(app, Rights::Anonymous, Vec::new()))
}

/// The app key, if clients may still name it.
fn live_key<'a>(app: &'a AppSnapshot, key: &str) -> Result<&'a AppKey, AuthError> {
    let key = app.app_keys.get(key).ok_or(AuthError::UnknownApp)?;
    if key.enabled {
        Ok(key)
    } else {
        Err(refused(
            "this app key is switched off; use another key of the app",
        ))
    }
}

fn refused(text: &str) -> AuthError {
    AuthError::Refused(text.to_owned())
}
