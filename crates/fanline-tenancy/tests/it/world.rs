//! One line sets a world up: two apps, a clock that stands still, a verifier.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanline_model::{
    AppId, Channel, ChannelPattern, KeyId, Limits, ManualClock, SeededRandom, TenantId, Timestamp,
    UserId,
};
use fanline_tenancy::{
    ApiKey, ApiKeyText, AppKey, AppRef, AppSettings, AppSnapshot, AuthError, Authority,
    Capabilities, HashKeys, MintError, MintRequest, Proof, Revision, RuleTable, Scope, Scopes,
    SecretText, SignatureOf, SigningAlgorithm, SigningKey, StaticDirectory, TenantState, Verified,
    Verifier,
};
use serde_json::Value;

/// 2026-11-25, noon.
pub(crate) const NOW: u64 = 1_795_953_600;

/// Two apps, `shop` and `other`, alike in everything but their ids and secrets.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: Arc<StaticDirectory>,
    pub(crate) verifier: Verifier,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(NOW)));
        let directory = Arc::new(StaticDirectory::new(vec![app("shop"), app("other")]));
        let verifier = Verifier::new(
            directory.clone(),
            clock.clone(),
            Arc::new(SeededRandom::new(9)),
            hash_keys(),
        );
        Self {
            clock,
            directory,
            verifier,
        }
    }

    /// Changes the snapshot of `shop`.
    pub(crate) fn change(&self, change: impl FnOnce(&mut AppSnapshot)) {
        let mut shop = app("shop");
        change(&mut shop);
        self.directory.replace(shop);
    }

    pub(crate) async fn authenticate(
        &self,
        by: &AppRef,
        proof: &Proof,
    ) -> Result<Verified, AuthError> {
        self.verifier.authenticate(by, proof).await
    }

    /// Judges a token under the app key of `shop`.
    pub(crate) async fn token(&self, token: &str) -> Result<Authority, AuthError> {
        let verified = self
            .authenticate(&by_key("shop"), &Proof::Token(token.into()))
            .await?;
        Ok(verified.authority)
    }

    /// Judges an API key of `shop`.
    pub(crate) async fn backend(&self, name: &str) -> Authority {
        let proof = Proof::ApiKey(api_key("shop", name).expose().expose().into());
        self.authenticate(&by_key("shop"), &proof)
            .await
            .unwrap()
            .authority
    }

    pub(crate) fn mint(
        &self,
        maker: &Authority,
        request: MintRequest,
    ) -> Result<String, MintError> {
        let shop = fanline_tenancy::Directory::held(&*self.directory, &id("shop")).unwrap();
        self.verifier
            .mint(&shop, maker, request)
            .map(|minted| minted.token)
    }
}

/// The app of this name: an app key `key-NAME` with a Pusher secret, one without, one switched off;
/// API keys `all`, `publish` and `child`; signing keys `made-NAME` and `given-NAME`.
pub(crate) fn app(name: &str) -> AppSnapshot {
    let with_secret = AppKey::new(format!("key-{name}"))
        .with_pusher_secret(SecretText::new(format!("secret-{name}")));
    let plain = AppKey::new(format!("plain-{name}"));
    let off = AppKey {
        enabled: false,
        ..AppKey::new(format!("off-{name}")).with_pusher_secret(SecretText::new("s"))
    };
    let publish = Scopes {
        scopes: vec![Scope::Publish, Scope::Tokens],
        patterns: patterns(&["orders.*"]),
    };
    let mut child = ApiKey::of(&api_key(name, "child"), &hash_keys(), Scopes::all());
    child.parent = Some(api_key(name, "publish").id().clone());
    let api_keys = [
        ApiKey::of(&api_key(name, "all"), &hash_keys(), Scopes::all()),
        ApiKey::of(&api_key(name, "publish"), &hash_keys(), publish),
        child,
    ];
    AppSnapshot {
        id: id(name),
        pusher_app_id: Some(format!("pusher-{name}")),
        revision: Revision::default(),
        tenant: TenantState {
            id: TenantId::parse("ten").unwrap(),
            suspended: false,
        },
        settings: AppSettings {
            name: name.to_owned(),
            enabled: true,
            allowed_origins: Vec::new(),
            client_events: true,
            limits: Limits::default(),
        },
        rules: RuleTable::born(true),
        app_keys: [with_secret, plain, off]
            .into_iter()
            .map(|key| (key.key.clone(), key))
            .collect(),
        api_keys: api_keys
            .into_iter()
            .map(|key| (key.id.clone(), key))
            .collect(),
        signing_keys: [signing_key(name, true), signing_key(name, false)]
            .into_iter()
            .map(|key| (key.kid.clone(), key))
            .collect(),
    }
}

pub(crate) fn id(name: &str) -> AppId {
    AppId::parse(&format!("app_{name}")).unwrap()
}

pub(crate) fn by_key(name: &str) -> AppRef {
    AppRef::Key(format!("key-{name}").into())
}

pub(crate) fn hash_keys() -> HashKeys {
    HashKeys::new(1, [7; 32])
}

/// The API key of this name, the same every time.
pub(crate) fn api_key(app: &str, name: &str) -> ApiKeyText {
    let seed = app
        .bytes()
        .chain(name.bytes())
        .fold(1_u64, |sum, byte| sum * 31 + u64::from(byte));
    ApiKeyText::generate(&SeededRandom::new(seed))
}

pub(crate) fn signing_key(app: &str, generated: bool) -> SigningKey {
    let kid = if generated {
        format!("made-{app}")
    } else {
        format!("given-{app}")
    };
    let secret = SecretText::new(format!("{kid:-<43}"));
    let kid = KeyId::parse(&kid).unwrap();
    SigningKey::new(
        kid,
        SigningAlgorithm::Hs256,
        secret,
        generated,
        Timestamp::from_secs(1),
    )
    .unwrap()
}

/// A token that any library could have made, with the key that was made for `shop`.
pub(crate) fn jwt(claims: &Value) -> String {
    signed(claims, &signing_key("shop", true))
}

pub(crate) fn signed(claims: &Value, key: &SigningKey) -> String {
    let header = jsonwebtoken::Header {
        kid: Some(key.kid.to_string()),
        ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256)
    };
    let secret = jsonwebtoken::EncodingKey::from_secret(key.secret().expose().as_bytes());
    jsonwebtoken::encode(&header, claims, &secret).unwrap()
}

/// What a Pusher backend signs, HMAC-SHA-256 in hex.
pub(crate) fn pusher_signature(of: SignatureOf, key: &str, secret: &str, text: &str) -> Proof {
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let code = aws_lc_rs::hmac::sign(&secret, text.as_bytes());
    let hex: String = code
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Proof::Signature {
        of,
        key: key.into(),
        signed: vec![
            Bytes::from("something else"),
            Bytes::copy_from_slice(text.as_bytes()),
        ],
        signature: hex.into(),
    }
}

pub(crate) fn request(subject: Option<&str>, capabilities: &[(&str, &[&str])]) -> MintRequest {
    MintRequest {
        subject: subject.map(|id| UserId::parse(id).unwrap()),
        capabilities: self::capabilities(capabilities),
        channels: Vec::new(),
        ttl: Duration::from_secs(3600),
    }
}

pub(crate) fn capabilities(entries: &[(&str, &[&str])]) -> Capabilities {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let map: BTreeMap<_, _> = entries
        .iter()
        .map(|(pattern, words)| ((*pattern).to_owned(), owned(words)))
        .collect();
    Capabilities::parse(&map).unwrap()
}

pub(crate) fn patterns(texts: &[&str]) -> Vec<ChannelPattern> {
    texts
        .iter()
        .map(|text| ChannelPattern::parse(text).unwrap())
        .collect()
}

pub(crate) fn channel(text: &str) -> Channel {
    Channel::parse(text).unwrap()
}

/// The text of a refusal; anything else fails the test.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, AuthError>) -> String {
    match result {
        Err(AuthError::Refused(text)) => text,
        other => panic!("expected a refusal, found {other:?}"),
    }
}
