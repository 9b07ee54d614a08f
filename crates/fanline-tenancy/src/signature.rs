//! Signatures by a key that an app shares with its backend: HMAC-SHA-256 in lower-case hex (pusher.md 14).

use bytes::Bytes;
use subtle::{Choice, ConstantTimeEq};

use crate::app::AppSnapshot;
use crate::hmac::hmac_sha256;
use crate::proof::AuthError;
use crate::secret::SecretText;

/// Compares with every text under every live secret, all of them and in constant time, so that the time
/// says nothing about which one was near.
pub(crate) fn check_signature(
    app: &AppSnapshot,
    key: &str,
    signed: &[Bytes],
    signature: &str,
) -> Result<(), AuthError> {
    if !app.is_serving() {
        return Err(AuthError::AppDisabled);
    }
    let key = app
        .app_keys
        .get(key)
        .ok_or_else(|| refused("the signature names a key that this app does not have"))?;
    if !key.enabled {
        return Err(refused(
            "the key of this signature is switched off; use another key of the app",
        ));
    }
    if key.pusher_secrets.is_empty() {
        return Err(refused(
            "the key of this signature has no secret to sign with; use a Pusher key of the app",
        ));
    }
    let one = |secret: &SecretText, text: &Bytes| {
        let code = hmac_sha256(secret.expose().as_bytes(), &[text]);
        hex(&code).as_bytes().ct_eq(signature.as_bytes())
    };
    let pairs = key
        .pusher_secrets
        .iter()
        .flat_map(|secret| signed.iter().map(move |text| (secret, text)));
    let any = pairs.fold(Choice::from(0), |any, (secret, text)| {
        any | one(secret, text)
    });
    if any.into() {
        Ok(())
    } else {
        Err(refused(
            "the signature does not verify; check the secret and what was signed",
        ))
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

fn refused(text: &str) -> AuthError {
    AuthError::Refused(text.to_owned())
}
