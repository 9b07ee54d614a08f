//! What a verified caller may do.

use std::collections::BTreeMap;

use fanline_model::{AppId, Channel, ChannelPattern, InvalidPattern, KeyId, Timestamp, UserId};

/// What an end-user token may allow on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Receive messages, and the replay buffer.
    Subscribe,
    /// Publish messages.
    Publish,
    /// Read the log by HTTP.
    History,
    /// Enter, update, leave; see who is there.
    Presence,
}

/// Capabilities by channel pattern, as a token carries them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(Vec<(ChannelPattern, Vec<Capability>)>);

/// What an API key may do (TENANCY, Rights).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Publish to channels.
    Publish,
    /// Subscribe as a server.
    Subscribe,
    /// Read logs.
    History,
    /// See members.
    Presence,
    /// List channels and their occupancy.
    Channels,
    /// Act on users: messages, subscriptions, termination.
    Users,
    /// Mint tokens and tickets.
    Tokens,
    /// Revoke.
    Revocations,
    /// Read its own app by the admin API.
    AdminRead,
    /// Change its own app by the admin API.
    AdminWrite,
}

/// The scopes of an API key, and the channels it may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes {
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// On which channels, where a channel is named.
    pub patterns: Vec<ChannelPattern>,
}

/// Something that holds a session up, and takes it down when it is taken back (TENANCY 7).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CredentialRef {
    /// An app's public key.
    AppKey(std::sync::Arc<str>),
    /// An API key.
    ApiKey(KeyId),
    /// A signing key.
    SigningKey(KeyId),
    /// One token, by its `jti`.
    TokenId(String),
}

/// A verified caller: which app, who, what, until when.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The app the credential belongs to; nothing else decides the tenant.
    pub app: AppId,
    /// The verified subject; anonymous callers and API keys have none.
    pub subject: Option<UserId>,
    /// What it may do.
    pub rights: Rights,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Channels that the server subscribes for the client.
    pub channels: Vec<Channel>,
    /// What holds it up.
    pub credentials: Vec<CredentialRef>,
}

/// The kinds of caller.
#[derive(Clone, Debug)]
pub enum Rights {
    /// Whoever knows the app key.
    Anonymous,
    /// An end user's token.
    Token(Capabilities),
    /// A backend's API key.
    ApiKey(Scopes),
    /// A backend that signs with Pusher credentials: publish, channel queries, terminate users.
    Pusher,
}

/// Why a map of capabilities is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// A key is no pattern.
    #[error(transparent)]
    Pattern(#[from] InvalidPattern),
    /// An unknown word.
    #[error("{0:?} is no capability; there are subscribe, publish, history, presence")]
    Unknown(String),
}

// === impl Capabilities ===

impl Capabilities {
    /// Reads `{"orders.*": ["subscribe", …], …}`.
    pub fn parse(map: &BTreeMap<String, Vec<String>>) -> Result<Self, CapabilityError> {
        let entry = |(pattern, words): (&String, &Vec<String>)| {
            let capabilities = words
                .iter()
                .map(|word| Capability::parse(word))
                .collect::<Result<_, _>>()?;
            Ok((ChannelPattern::parse(pattern)?, capabilities))
        };
        map.iter().map(entry).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a pattern that covers the channel allows the capability.
    pub fn allow(&self, capability: Capability, channel: &Channel) -> bool {
        self.0
            .iter()
            .any(|(pattern, allowed)| allowed.contains(&capability) && pattern.matches(channel))
    }

    /// The pairs, as parsed.
    pub fn entries(&self) -> &[(ChannelPattern, Vec<Capability>)] {
        &self.0
    }
}

// === impl Capability ===

impl Capability {
    /// Reads the word of [`Capability::as_str`].
    pub fn parse(word: &str) -> Result<Self, CapabilityError> {
        [
            Self::Subscribe,
            Self::Publish,
            Self::History,
            Self::Presence,
        ]
        .into_iter()
        .find(|capability| capability.as_str() == word)
        .ok_or_else(|| CapabilityError::Unknown(word.to_owned()))
    }

    /// The word in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::History => "history",
            Self::Presence => "presence",
        }
    }
}

// === impl Scopes ===

impl Scopes {
    /// Every scope on every named channel: what `dev` makes.
    pub fn all() -> Self {
        use Scope::{
            AdminRead, AdminWrite, Channels, History, Presence, Publish, Revocations, Subscribe,
            Tokens, Users,
        };
        let scopes = vec![
            Publish,
            Subscribe,
            History,
            Presence,
            Channels,
            Users,
            Tokens,
            Revocations,
            AdminRead,
            AdminWrite,
        ];
        Self {
            scopes,
            patterns: ChannelPattern::parse("*").into_iter().collect(),
        }
    }

    /// Whether the scope is there, whatever the channel.
    pub fn have(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Whether the scope is there and a pattern covers the channel. User channels need the scope `users`.
    pub fn allow(&self, scope: Scope, channel: &Channel) -> bool {
        match channel {
            Channel::User(_) => self.have(Scope::Users) && self.have(scope),
            Channel::Named(_) => {
                self.have(scope) && self.patterns.iter().any(|pattern| pattern.matches(channel))
            }
        }
    }

    /// Whether the scope is there for everything that the pattern matches. Patterns of user channels need
    /// the scope `users`.
    pub fn cover(&self, scope: Scope, pattern: &ChannelPattern) -> bool {
        let of_users = pattern.to_string().starts_with('#');
        let reach = if of_users {
            self.have(Scope::Users)
        } else {
            self.patterns.iter().any(|own| own.covers(pattern))
        };
        reach && self.have(scope)
    }

    /// What both these and `other` allow.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        let covered =
            |pattern: &&ChannelPattern| other.patterns.iter().any(|outer| outer.covers(pattern));
        Self {
            scopes: self
                .scopes
                .iter()
                .copied()
                .filter(|scope| other.have(*scope))
                .collect(),
            patterns: self.patterns.iter().filter(covered).cloned().collect(),
        }
    }
}

// === impl Scope ===

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 10] = [
        Self::Publish,
        Self::Subscribe,
        Self::History,
        Self::Presence,
        Self::Channels,
        Self::Users,
        Self::Tokens,
        Self::Revocations,
        Self::AdminRead,
        Self::AdminWrite,
    ];

    /// The word in the admin API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Subscribe => "subscribe",
            Self::History => "history",
            Self::Presence => "presence",
            Self::Channels => "channels",
            Self::Users => "users",
            Self::Tokens => "tokens",
            Self::Revocations => "revocations",
            Self::AdminRead => "admin:read",
            Self::AdminWrite => "admin:write",
        }
    }

    /// Reads the word of [`Scope::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

// === impl Authority ===

impl Authority {
    /// Whether everything that holds the caller up is still there in this snapshot of its app
    /// (TENANCY 6, 7). Expiry is judged elsewhere, by the clock.
    pub fn stands(&self, app: &crate::AppSnapshot) -> bool {
        self.credentials.iter().all(|credential| match credential {
            CredentialRef::AppKey(key) => app.app_keys.get(key).is_some_and(|key| key.enabled),
            CredentialRef::ApiKey(id) => app.api_keys.contains_key(id),
            CredentialRef::SigningKey(kid) => app.signing_keys.contains_key(kid),
            CredentialRef::TokenId(_) => true,
        })
    }
}
