//! Whether an API key still stands: itself and every key that made it (TENANCY 6).

use fanline_model::{KeyId, Timestamp};

use crate::app::AppSnapshot;
use crate::authority::{CredentialRef, Scopes};
use crate::proof::AuthError;

/// How many keys may stand above one another. Creation keeps far below; a circle in the rows ends here.
const MAX_ANCESTORS: usize = 8;

/// What a standing key amounts to now.
#[derive(Debug)]
pub(crate) struct Standing {
    /// What it and every ancestor may do.
    pub(crate) scopes: Scopes,
    /// The earliest end among them.
    pub(crate) expires_at: Option<Timestamp>,
    /// The key itself, then its ancestors.
    pub(crate) credentials: Vec<CredentialRef>,
}

/// Looks the key and its ancestors up in the app's snapshot.
pub(crate) fn standing(
    app: &AppSnapshot,
    id: &KeyId,
    now: Timestamp,
) -> Result<Standing, AuthError> {
    let mut key = app
        .api_keys
        .get(id)
        .ok_or_else(|| refused("the API key was removed; make a new one"))?;
    let mut standing = Standing {
        scopes: key.scopes.clone(),
        expires_at: None,
        credentials: Vec::new(),
    };
    loop {
        if key.expires_at.is_some_and(|end| end <= now) {
            return Err(refused("the API key has expired; make a new one"));
        }
        standing.expires_at = match (standing.expires_at, key.expires_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        standing.scopes = standing.scopes.within(&key.scopes);
        standing
            .credentials
            .push(CredentialRef::ApiKey(key.id.clone()));
        let Some(parent) = &key.parent else {
            return Ok(standing);
        };
        if standing.credentials.len() > MAX_ANCESTORS {
            return Err(refused(
                "the API key stands on too many others; make a new one",
            ));
        }
        key = app
            .api_keys
            .get(parent)
            .ok_or_else(|| refused("the API key fell with the key that made it; make a new one"))?;
    }
}

fn refused(text: &str) -> AuthError {
    AuthError::Refused(text.to_owned())
}
