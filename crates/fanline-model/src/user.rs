//! User ids, as identity providers make them.

use std::fmt;
use std::sync::Arc;

/// The longest user id, in bytes.
const MAX_BYTES: usize = 200;

/// One user of an app: 1–200 bytes of UTF-8 without control characters.
///
/// It is the subject of a token, the `client_id` of a message and a Pusher sign-in id alike.
/// Identity providers use `|`, `+` and spaces, so in paths it is percent-encoded.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Arc<str>);

/// Why a text is no user id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUser {
    /// The id is empty.
    #[error("a user id needs at least one character")]
    Empty,
    /// The id is longer than 200 bytes.
    #[error("a user id has at most {MAX_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// The id holds a control character.
    #[error("a user id holds no control characters")]
    Control,
}

impl UserId {
    /// Checks an id.
    pub fn parse(text: &str) -> Result<Self, InvalidUser> {
        if text.is_empty() {
            Err(InvalidUser::Empty)
        } else if text.len() > MAX_BYTES {
            Err(InvalidUser::TooLong(text.len()))
        } else if text.chars().any(char::is_control) {
            Err(InvalidUser::Control)
        } else {
            Ok(Self(text.into()))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
