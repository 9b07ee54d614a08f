//! Tokens: JWTs (RFC 7519) of an app's end users, signed with one of the app's signing keys.
//!
//! The `kid` is looked up among the app's own keys and the algorithm is the key's; a header chooses
//! nothing. Time is judged by our clock, never by the library's.

pub(crate) mod claims;
pub(crate) mod signatures;

use fanline_model::{KeyId, Timestamp};
use jsonwebtoken::decode_header;

use crate::app::AppSnapshot;
use crate::authority::{Authority, CredentialRef, Rights};
use crate::mint::uncovered;
use crate::proof::AuthError;
use crate::signing_key::SigningKey;
use crate::standing::standing;
use claims::Claims;
use signatures::Signatures;

/// The longest token; a first frame is no longer either.
const MAX_BYTES: usize = 16 * 1024;

/// Checks a token of this app and says what its bearer may do.
///
/// `admit` is asked before a signature is computed, and not for one that is remembered.
pub(crate) fn verify(
    app: &AppSnapshot,
    text: &str,
    now: Timestamp,
    signatures: &Signatures,
    admit: impl FnOnce() -> bool,
) -> Result<Authority, AuthError> {
    let (key, payload) = verify_signature(app, text, signatures, admit)?;
    let claims = Claims::read(payload)?;
    claims.judge(app, key, now)?;

    let mut credentials = vec![CredentialRef::SigningKey(key.kid.clone())];
    credentials.extend(claims.jti.map(CredentialRef::TokenId));
    let mut expires_at = claims.exp;
    if let Some(maker) = &claims.maker {
        let maker = standing(app, maker, now)?;
        if let Some((pattern, capability)) = uncovered(&claims.capabilities, &maker.scopes) {
            return Err(AuthError::Refused(format!(
                "the API key that minted this token no longer allows {capability:?} on {pattern}; mint a new token",
                capability = capability.as_str(),
            )));
        }
        expires_at = maker
            .expires_at
            .map_or(expires_at, |end| expires_at.min(end));
        credentials.extend(maker.credentials);
    }
    Ok(Authority {
        app: app.id.clone(),
        subject: claims.sub,
        rights: Rights::Token(claims.capabilities),
        expires_at: Some(expires_at),
        channels: claims.channels,
        credentials,
    })
}

/// The key that signed the token, and the part that holds the claims.
fn verify_signature<'a, 't>(
    app: &'a AppSnapshot,
    text: &'t str,
    signatures: &Signatures,
    admit: impl FnOnce() -> bool,
) -> Result<(&'a SigningKey, &'t str), AuthError> {
    if text.len() > MAX_BYTES {
        return Err(refused(
            "the token is longer than 16 KiB; give it fewer capabilities or channels",
        ));
    }
    let (message, signature) = text.rsplit_once('.').ok_or_else(no_jwt)?;
    let (_, payload) = message.split_once('.').ok_or_else(no_jwt)?;
    let header = decode_header(text).map_err(|_| no_jwt())?;
    // RFC 7515, 4.1.11: an extension that must be understood and is not.
    if header.crit.is_some() {
        return Err(refused(
            "the token's header has crit, and none of its extensions is known here",
        ));
    }
    let kid = header
        .kid
        .ok_or_else(|| refused("the token's header has no kid; put the signing key's id there"))?;
    let key = KeyId::parse(&kid).ok().and_then(|kid| app.signing_keys.get(&kid)).ok_or_else(|| {
        refused("the app has no signing key with the kid in the token's header; check kid and app key")
    })?;
    if header.alg != key.algorithm.jwt() {
        return Err(AuthError::Refused(format!(
            "the token is signed with {:?}, its key is for {}; sign with that",
            header.alg,
            key.algorithm.as_str()
        )));
    }
    if !signatures.know(key, text) {
        if !admit() {
            return Err(AuthError::Busy);
        }
        let valid = jsonwebtoken::crypto::verify(
            signature,
            message.as_bytes(),
            &key.decoding(),
            key.algorithm.jwt(),
        );
        if !matches!(valid, Ok(true)) {
            return Err(refused(
                "the token's signature does not verify; sign it with the secret of the key its kid names",
            ));
        }
        signatures.remember(key, text);
    }
    Ok((key, payload))
}

fn no_jwt() -> AuthError {
    refused("the token is no JWT signed with HS256, HS384 or HS512")
}

fn refused(text: &str) -> AuthError {
    AuthError::Refused(text.to_owned())
}
