//! Channel names as Pusher allows them, and what their prefixes mean.

use fanline_model::{Channel, ChannelName};

use crate::limits::CHANNEL_NAME;

/// How Pusher writes the channel of a user.
pub(crate) const USER_PREFIX: &str = "#server-to-user-";

/// What the prefix of a name says, in Pusher's words. Access is *not* among it: that is the rule's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Public,
    Cache,
    Private,
    PrivateCache,
    Encrypted,
    EncryptedCache,
    Presence,
    PresenceCache,
}

/// Why a text is no channel that Pusher knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidName {
    #[error("a channel name needs at least one character")]
    Empty,
    #[error("a channel name has at most {CHANNEL_NAME} characters, this one has {0}")]
    TooLong(usize),
    #[error("a channel name is made of A-Z a-z 0-9 and _ - = @ , . ; but this one has {0:?}")]
    Character(char),
    #[error("channel names that begin with # are reserved")]
    Reserved,
    #[error("channels of users ({USER_PREFIX}…) are not served over the Pusher protocol yet")]
    User,
}

/// Longest first.
const PREFIXES: [(&str, Family); 7] = [
    ("private-encrypted-cache-", Family::EncryptedCache),
    ("private-encrypted-", Family::Encrypted),
    ("private-cache-", Family::PrivateCache),
    ("private-", Family::Private),
    ("presence-cache-", Family::PresenceCache),
    ("presence-", Family::Presence),
    ("cache-", Family::Cache),
];

/// Reads a channel name in Pusher's set of characters, which is narrower than ours: no `:` and no `/`.
pub(crate) fn parse(text: &str) -> Result<(Channel, Family), InvalidName> {
    if text.starts_with(USER_PREFIX) {
        return Err(InvalidName::User);
    }
    if text.starts_with('#') {
        return Err(InvalidName::Reserved);
    }
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    if let Some(other) = text.chars().find(|c| !is_name_character(*c)) {
        return Err(InvalidName::Character(other));
    }
    if text.len() > CHANNEL_NAME {
        return Err(InvalidName::TooLong(text.len()));
    }
    let name = ChannelName::parse(text).map_err(|_| InvalidName::Reserved)?;
    Ok((Channel::Named(name), Family::of(text)))
}

/// Whether a name that another protocol chose can be said in this one.
pub(crate) fn is_sayable(name: &str) -> bool {
    name.chars().all(is_name_character)
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '=' | '@' | ',' | '.' | ';')
}

// === impl Family ===

impl Family {
    /// The family of a name.
    pub(crate) fn of(name: &str) -> Self {
        let found = PREFIXES.iter().find(|(prefix, _)| name.starts_with(prefix));
        found.map_or(Self::Public, |(_, family)| *family)
    }

    /// Whether a subscription carries a signature.
    pub(crate) const fn is_signed(self) -> bool {
        !matches!(self, Self::Public | Self::Cache)
    }

    /// Whether there are members.
    pub(crate) const fn is_presence(self) -> bool {
        matches!(self, Self::Presence | Self::PresenceCache)
    }

    /// Whether the last event is kept for newcomers.
    pub(crate) const fn is_cache(self) -> bool {
        matches!(
            self,
            Self::Cache | Self::PrivateCache | Self::EncryptedCache | Self::PresenceCache
        )
    }

    /// Whether the payload is encrypted by the SDKs.
    pub(crate) const fn is_encrypted(self) -> bool {
        matches!(self, Self::Encrypted | Self::EncryptedCache)
    }

    /// Whether clients may publish among themselves.
    pub(crate) const fn takes_client_events(self) -> bool {
        self.is_signed()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_longest_prefix_decides_the_family() {
        for (name, family) in [
            ("orders", Family::Public),
            ("privateer", Family::Public),
            ("cache-a", Family::Cache),
            ("private-a", Family::Private),
            ("private-cache-a", Family::PrivateCache),
            ("private-encrypted-a", Family::Encrypted),
            ("private-encrypted-cache-a", Family::EncryptedCache),
            ("presence-a", Family::Presence),
            ("presence-cache-a", Family::PresenceCache),
        ] {
            assert_eq!(parse(name).unwrap().1, family, "{name}");
        }
    }

    #[test]
    fn pushers_set_of_characters_is_narrower_than_ours() {
        assert!(parse("AZaz09_-=@,.;").is_ok());
        for bad in [' ', '/', ':', '🎉', '\n', '{'] {
            assert_eq!(parse(&format!("a{bad}")), Err(InvalidName::Character(bad)));
        }
        assert_eq!(parse(""), Err(InvalidName::Empty));
        assert_eq!(parse("#x"), Err(InvalidName::Reserved));
        assert_eq!(parse("#server-to-user-5"), Err(InvalidName::User));
    }

    #[test]
    fn two_hundred_characters_and_no_more() {
        assert!(parse(&"x".repeat(200)).is_ok());
        assert_eq!(parse(&"x".repeat(201)), Err(InvalidName::TooLong(201)));
    }
}
