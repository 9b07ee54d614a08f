//! Channels: a named one of the app's choice, or the private line of one user.

use std::fmt;
use std::sync::Arc;

use crate::user::{InvalidUser, UserId};

/// The longest channel name, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// How the user channel of `x` is written where only text will do (cursor hashes, logs, native frames).
const USER_PREFIX: &str = "#user:";

/// A place to publish to and subscribe to, within one app.
///
/// The user channel is a kind, not a parsed name: no name that an app may choose ever means it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// A channel named by the app.
    Named(ChannelName),
    /// Everything sent to one user, on whatever connection they are.
    User(UserId),
}

/// A channel name: 1–200 bytes of `A–Z a–z 0–9 _ - = @ , . ; : /`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelName(Arc<str>);

/// Why a text is no channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChannel {
    /// The name is empty.
    #[error("a channel name needs at least one character")]
    Empty,
    /// The name is longer than 200 bytes.
    #[error("a channel name has at most {MAX_NAME_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// The name holds a character outside the set.
    #[error("a channel name is made of A-Z a-z 0-9 and _ - = @ , . ; : / but this one has {0:?}")]
    Character(char),
    /// The name begins with `#` and is not a user channel.
    #[error("names that begin with # are reserved; a user's channel is written #user:ID")]
    Reserved,
    /// The name is that of a user channel, with a user id that is none.
    #[error("the user id in the channel name is not valid: {0}")]
    User(#[from] InvalidUser),
}

// === impl Channel ===

impl Channel {
    /// Reads a channel from its text: a name, or `#user:ID` for the channel of a user.
    pub fn parse(text: &str) -> Result<Self, InvalidChannel> {
        if let Some(user) = text.strip_prefix(USER_PREFIX) {
            return Ok(Self::User(UserId::parse(user)?));
        }
        if text.starts_with('#') {
            return Err(InvalidChannel::Reserved);
        }
        ChannelName::parse(text).map(Self::Named)
    }

    /// The name, for a named channel.
    pub fn name(&self) -> Option<&ChannelName> {
        match self {
            Self::Named(name) => Some(name),
            Self::User(_) => None,
        }
    }

    /// Whether the name says that the channel must never be open (`private-`, `presence-`: TENANCY 5).
    pub fn is_never_open(&self) -> bool {
        match self {
            Self::Named(name) => {
                name.as_str().starts_with("private-") || name.as_str().starts_with("presence-")
            }
            Self::User(_) => true,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name.as_str()),
            Self::User(user) => write!(f, "{USER_PREFIX}{user}"),
        }
    }
}

impl From<ChannelName> for Channel {
    fn from(name: ChannelName) -> Self {
        Self::Named(name)
    }
}

// === impl ChannelName ===

impl ChannelName {
    /// Checks a name.
    pub fn parse(text: &str) -> Result<Self, InvalidChannel> {
        if text.is_empty() {
            return Err(InvalidChannel::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(InvalidChannel::TooLong(text.len()));
        }
        if text.starts_with('#') {
            return Err(InvalidChannel::Reserved);
        }
        match text.chars().find(|c| !is_name_character(*c)) {
            Some(other) => Err(InvalidChannel::Character(other)),
            None => Ok(Self(text.into())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character may stand in a channel name.
fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '=' | '@' | ',' | '.' | ';' | ':' | '/')
}

impl fmt::Display for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChannelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_allowed_character_is_accepted_and_others_are_named() {
        assert!(ChannelName::parse("AZaz09_-=@,.;:/").is_ok());
        for (text, bad) in [
            ("a b", ' '),
            ("a{b", '{'),
            ("a\u{7}", '\u{7}'),
            ("é", 'é'),
            ("a*", '*'),
        ] {
            assert_eq!(
                ChannelName::parse(text),
                Err(InvalidChannel::Character(bad))
            );
        }
    }

    #[test]
    fn length_is_counted_in_bytes_and_bounded() {
        assert!(ChannelName::parse(&"x".repeat(200)).is_ok());
        assert_eq!(
            ChannelName::parse(&"x".repeat(201)),
            Err(InvalidChannel::TooLong(201))
        );
        assert_eq!(ChannelName::parse(""), Err(InvalidChannel::Empty));
    }

    #[test]
    fn a_user_channel_reads_back_from_its_text() {
        let channel = Channel::parse("#user:auth0|5 x").unwrap();
        assert!(matches!(&channel, Channel::User(user) if user.as_str() == "auth0|5 x"));
        assert_eq!(Channel::parse(&channel.to_string()).unwrap(), channel);
        assert_eq!(Channel::parse("#other"), Err(InvalidChannel::Reserved));
    }
}
