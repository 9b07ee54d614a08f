//! Who a caller says it is: the app, and the evidence. Nothing is judged here.

use std::sync::Arc;

use fanline_tenancy::{ApiKeyText, AppRef, InvalidApiKey, Proof};

/// What API keys begin with; whatever else is presented is a token.
const API_KEY_PREFIX: &str = "fl_";

/// The longest app key that is looked up.
const MAX_APP_KEY: usize = 100;

/// An app and the evidence for it, as [`Realtime`](fanline_protocol::Realtime) and `Authenticate` take it.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    pub(crate) app: AppRef,
    pub(crate) proof: Proof,
}

/// Why there is nothing to verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoCredential {
    /// A token does not say by itself which app it is for (TENANCY 2).
    #[error("name the app: its app key goes beside the token, never inside")]
    AppMissing,
    /// Too long, or with characters that no app key has.
    #[error("an app key has 1 to 100 characters of A-Z a-z 0-9 . _ -; this text is none")]
    NoAppKey,
    /// It begins like an API key and is none.
    #[error(transparent)]
    ApiKey(#[from] InvalidApiKey),
}

// === impl Credential ===

impl Credential {
    /// Reads what a caller presents. An API key names its own app, and `app` is not looked at.
    pub(crate) fn read(app: Option<&str>, token: Option<&str>) -> Result<Self, NoCredential> {
        if let Some(key) = token.filter(|token| token.starts_with(API_KEY_PREFIX)) {
            let id = ApiKeyText::parse(key)?.id().clone();
            return Ok(Self {
                app: AppRef::ApiKey(id),
                proof: Proof::ApiKey(key.into()),
            });
        }
        let app = app.ok_or(NoCredential::AppMissing)?;
        if !is_app_key(app) {
            return Err(NoCredential::NoAppKey);
        }
        let proof = token.map_or(Proof::None, |token| Proof::Token(token.into()));
        Ok(Self {
            app: AppRef::Key(Arc::from(app)),
            proof,
        })
    }
}

/// Whether a text may be an app key at all.
pub(crate) fn is_app_key(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_APP_KEY).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use fanline_model::SeededRandom;

    use super::*;

    #[test]
    fn an_api_key_names_its_own_app() {
        let key = ApiKeyText::generate(&SeededRandom::new(1));
        let read = Credential::read(Some("other"), Some(key.expose().expose())).unwrap();
        assert_eq!(read.app, AppRef::ApiKey(key.id().clone()));
        assert!(matches!(read.proof, Proof::ApiKey(_)));
    }

    #[test]
    fn a_token_needs_the_app_beside_it_and_nobody_needs_a_token() {
        assert_eq!(
            Credential::read(None, Some("ey.J.x")).unwrap_err(),
            NoCredential::AppMissing
        );
        assert_eq!(
            Credential::read(Some("a b"), None).unwrap_err(),
            NoCredential::NoAppKey
        );
        let anonymous = Credential::read(Some("key"), None).unwrap();
        assert!(matches!(anonymous.proof, Proof::None));
        let token = Credential::read(Some("key"), Some("ey.J.x")).unwrap();
        assert!(matches!(token.proof, Proof::Token(text) if &*text == "ey.J.x"));
    }

    #[test]
    fn a_damaged_api_key_is_told_so_here() {
        let refused = Credential::read(None, Some("fl_abc_def")).unwrap_err();
        assert_eq!(refused, NoCredential::ApiKey(InvalidApiKey::Form));
    }
}
