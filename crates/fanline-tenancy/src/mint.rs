//! Minting: an API key makes a token that can do no more, lives no longer, and falls with it
//! (TENANCY 4, 6).

use std::collections::BTreeMap;
use std::time::Duration;

use fanline_model::{Channel, ChannelPattern, KeyId, Random, Timestamp, UserId};
use jsonwebtoken::Header;
use serde::Serialize;

use crate::access::{Action, Denied, decide};
use crate::app::AppSnapshot;
use crate::authority::{Authority, Capabilities, Capability, CredentialRef, Rights, Scope, Scopes};
use crate::signing_key::SigningKey;

/// What a token is asked to say.
#[derive(Clone, Debug)]
pub struct MintRequest {
    /// The user it speaks for.
    pub subject: Option<UserId>,
    /// What it allows.
    pub capabilities: Capabilities,
    /// Channels that the server subscribes for its bearer.
    pub channels: Vec<Channel>,
    /// How long it lives; it ends sooner where the key that mints it does.
    pub ttl: Duration,
}

/// A fresh token. It is shown to its asker and kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Minted {
    /// The JWT.
    pub token: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why no token was made; the text says what would help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The caller is no API key of this app.
    #[error("tokens are minted with an API key that has the scope tokens")]
    NotAnApiKey,
    /// The API key lacks the scope.
    #[error("the API key has no scope tokens; use one that has")]
    NoScope,
    /// The API key cannot do what the token should.
    #[error(
        "the API key cannot give {capability:?} on {pattern}: its own scopes or patterns do not cover it"
    )]
    NotCovered {
        /// Of the request.
        pattern: String,
        /// Of the request.
        capability: &'static str,
    },
    /// The token could not read a channel that it names.
    #[error("the token would name a channel that it may not subscribe to: {0}")]
    Channel(#[from] Denied),
    /// More channels than one connection may follow.
    #[error("a token of this app names at most {0} channels")]
    TooManyChannels(usize),
    /// It would not live for a second.
    #[error(
        "the token would end within a second; ask for a longer ttl, with a key that does not end before"
    )]
    TooShort,
    /// It would live longer than the app allows.
    #[error("a token of this app lives at most {0} seconds")]
    TooLong(u64),
    /// There is nothing to sign with.
    #[error("the app has no signing key that was generated here; make one")]
    NoSigningKey,
    /// The library could not sign.
    #[error("the token could not be signed")]
    Signing,
}

/// What a minted token says.
#[derive(Serialize)]
struct Claims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    iat: u64,
    exp: u64,
    jti: &'a str,
    capabilities: BTreeMap<String, Vec<&'static str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    channels: Vec<String>,
    /// [`crate::token::claims::MAKER`].
    fl_key: &'a str,
}

/// Makes a token for an API key that has proved itself.
pub(crate) fn mint(
    app: &AppSnapshot,
    maker: &Authority,
    request: MintRequest,
    now: Timestamp,
    random: &dyn Random,
) -> Result<Minted, MintError> {
    let (Rights::ApiKey(scopes), Some(id)) = (&maker.rights, key_of(maker)) else {
        return Err(MintError::NotAnApiKey);
    };
    if maker.app != app.id {
        return Err(MintError::NotAnApiKey);
    }
    if !scopes.have(Scope::Tokens) {
        return Err(MintError::NoScope);
    }
    if let Some((pattern, capability)) = uncovered(&request.capabilities, scopes) {
        return Err(MintError::NotCovered {
            pattern: pattern.to_string(),
            capability: capability.as_str(),
        });
    }
    let (iat, exp) = life(app, maker, request.ttl, now)?;
    let key = newest_generated(app).ok_or(MintError::NoSigningKey)?;
    let bearer = Authority {
        app: app.id.clone(),
        subject: request.subject,
        rights: Rights::Token(request.capabilities),
        expires_at: Some(Timestamp::from_secs(exp)),
        channels: request.channels,
        credentials: Vec::new(),
    };
    let most = app.settings.limits.channels_per_connection;
    if bearer.channels.len() > most {
        return Err(MintError::TooManyChannels(most));
    }
    bearer
        .channels
        .iter()
        .try_for_each(|channel| decide(app, &bearer, Action::Subscribe, channel, false))?;

    let jti = random.alphanumeric(22);
    let token = sign(key, &bearer, id, iat, exp, &jti)?;
    Ok(Minted {
        token,
        expires_at: Timestamp::from_secs(exp),
    })
}

/// The first capability that these scopes could not give, if any.
pub(crate) fn uncovered<'a>(
    capabilities: &'a Capabilities,
    scopes: &Scopes,
) -> Option<(&'a ChannelPattern, Capability)> {
    let pairs = capabilities
        .entries()
        .iter()
        .flat_map(|(pattern, words)| words.iter().map(move |word| (pattern, *word)));
    pairs
        .into_iter()
        .find(|(pattern, capability)| !scopes.cover(scope_of(*capability), pattern))
}

/// When the token is born and ends, in whole seconds as JWTs count.
fn life(
    app: &AppSnapshot,
    maker: &Authority,
    ttl: Duration,
    now: Timestamp,
) -> Result<(u64, u64), MintError> {
    let longest = app.settings.limits.token_lifetime;
    if ttl > longest {
        return Err(MintError::TooLong(longest.as_secs()));
    }
    let iat = now.as_secs();
    let exp = iat.saturating_add(ttl.as_secs());
    let exp = maker.expires_at.map_or(exp, |end| exp.min(end.as_secs()));
    if exp > iat {
        Ok((iat, exp))
    } else {
        Err(MintError::TooShort)
    }
}

fn sign(
    key: &SigningKey,
    bearer: &Authority,
    maker: &KeyId,
    iat: u64,
    exp: u64,
    jti: &str,
) -> Result<String, MintError> {
    let Rights::Token(capabilities) = &bearer.rights else {
        return Err(MintError::Signing);
    };
    let words = |words: &[Capability]| words.iter().map(|word| word.as_str()).collect();
    let claims = Claims {
        sub: bearer.subject.as_ref().map(UserId::as_str),
        iat,
        exp,
        jti,
        capabilities: capabilities
            .entries()
            .iter()
            .map(|(pattern, list)| (pattern.to_string(), words(list)))
            .collect(),
        channels: bearer.channels.iter().map(Channel::to_string).collect(),
        fl_key: maker.as_str(),
    };
    let header = Header {
        kid: Some(key.kid.to_string()),
        ..Header::new(key.algorithm.jwt())
    };
    jsonwebtoken::encode(&header, &claims, &key.encoding()).map_err(|error| {
        tracing::error!(kid = %key.kid, kind = ?error.kind(), "a token could not be signed");
        MintError::Signing
    })
}

/// A rotation adds a key first and removes the old one later: the newest signs.
fn newest_generated(app: &AppSnapshot) -> Option<&SigningKey> {
    app.signing_keys
        .values()
        .filter(|key| key.generated)
        .max_by_key(|key| (key.created_at, key.kid.clone()))
}

/// The key itself stands first among what holds a caller up.
fn key_of(maker: &Authority) -> Option<&KeyId> {
    maker
        .credentials
        .iter()
        .find_map(|credential| match credential {
            CredentialRef::ApiKey(id) => Some(id),
            _ => None,
        })
}

const fn scope_of(capability: Capability) -> Scope {
    match capability {
        Capability::Subscribe => Scope::Subscribe,
        Capability::Publish => Scope::Publish,
        Capability::History => Scope::History,
        Capability::Presence => Scope::Presence,
    }
}
