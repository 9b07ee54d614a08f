//! Tokens, as a backend would sign them.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::server::SigningKey;

/// Claims of a user with these capabilities, valid for ten minutes.
pub fn claims(subject: &str, capabilities: &Value) -> Value {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970")
        .as_secs();
    json!({"sub": subject, "iat": now, "exp": now + 600, "capabilities": capabilities})
}

/// A token of these claims.
pub fn token(key: &SigningKey, claims: &Value) -> String {
    let header = Header {
        kid: Some(key.kid.clone()),
        ..Header::new(Algorithm::HS256)
    };
    encode(
        &header,
        claims,
        &EncodingKey::from_secret(key.secret.as_bytes()),
    )
    .expect("a token")
}
