//! Ids: opaque texts with a checked form.

use std::fmt;
use std::sync::Arc;

use crate::random::Random;

/// Why a text is no id of the asked kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {problem}")]
pub struct InvalidId {
    kind: &'static str,
    problem: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// A new one that was never given before.
            pub fn generate(random: &dyn Random) -> Self {
                Self(format!("{}{}", $prefix, random.alphanumeric(16)).into())
            }

            /// Checks the form: 1–64 characters of `0-9 A-Z a-z _ -`.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let problem = if text.is_empty() {
                    "must not be empty"
                } else if text.len() > 64 {
                    "has at most 64 characters"
                } else if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
                    "is made of 0-9 A-Z a-z _ -"
                } else {
                    return Ok(Self(text.into()));
                };
                Err(InvalidId { kind: stringify!($name), problem })
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An organisation.
    TenantId,
    "ten_"
);
id!(
    /// An isolated world of channels: random, never given, never reused (TENANCY 1).
    AppId,
    "app_"
);
id!(
    /// One node of an installation.
    NodeId,
    "node_"
);
id!(
    /// The public half of a credential: an API key's id, or the `kid` of a signing key.
    KeyId,
    ""
);

/// One connection, `digits.digits` in every protocol, because Pusher's `socket_id` must work for all.
///
/// 126 random bits in two halves: unique over the cluster without asking anyone, and not guessable.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    left: u64,
    right: u64,
}

/// The name of one message within its channel, 1–128 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Arc<str>);

// === impl ConnectionId ===

impl ConnectionId {
    /// A new one.
    pub fn generate(random: &dyn Random) -> Self {
        // 63 bits each, so that clients which read the halves as signed numbers survive.
        Self {
            left: random.u64() >> 1,
            right: random.u64() >> 1,
        }
    }

    /// Reads `digits.digits`. Leading zeroes are refused, so that one id has one text.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId {
            kind: "connection id",
            problem: "has the form digits.digits",
        };
        let (left, right) = text.split_once('.').ok_or_else(|| invalid.clone())?;
        let half = |digits: &str| {
            let canonical =
                digits == "0" || (digits.starts_with(|c: char| c.is_ascii_digit() && c != '0'));
            let all_digits = digits.bytes().all(|b| b.is_ascii_digit());
            if canonical && all_digits {
                digits.parse::<u64>().ok()
            } else {
                None
            }
        };
        match (half(left), half(right)) {
            (Some(left), Some(right)) => Ok(Self { left, right }),
            _ => Err(invalid),
        }
    }

    /// The two halves, as the envelope stores them.
    pub fn to_parts(self) -> (u64, u64) {
        (self.left, self.right)
    }

    /// From the two halves.
    pub fn from_parts(left: u64, right: u64) -> Self {
        Self { left, right }
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.left, self.right)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl MessageId ===

/// What ids that the server made begin with.
const SERVER_MADE: &str = "msg_";

impl MessageId {
    /// An id made by the server: `msg_` and 22 characters.
    pub fn generate(random: &dyn Random) -> Self {
        Self(format!("{SERVER_MADE}{}", random.alphanumeric(22)).into())
    }

    /// Checks an id that a publisher gave.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let problem = if text.is_empty() {
            "must not be empty"
        } else if text.len() > 128 {
            "has at most 128 characters"
        } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
            "is made of visible ASCII characters"
        } else {
            return Ok(Self(text.into()));
        };
        Err(InvalidId {
            kind: "message id",
            problem,
        })
    }

    /// The `n`th message of a call with `Idempotency-Key: key`, counted within each channel.
    pub fn of_call(key: &str, n: usize) -> Result<Self, InvalidId> {
        Self::parse(&format!("{key}:{n}"))
    }

    /// Whether the id has the form the server makes: a publisher who names one retries what a 503 left unknown.
    pub fn is_server_made(&self) -> bool {
        self.0
            .strip_prefix(SERVER_MADE)
            .is_some_and(|rest| rest.len() == 22)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn a_connection_id_has_one_text() {
        let id = ConnectionId::generate(&SeededRandom::new(1));
        assert_eq!(ConnectionId::parse(&id.to_string()).unwrap(), id);
        for bad in [
            "",
            "1",
            "1.",
            ".1",
            "1.2.3",
            "01.2",
            "1.2\n",
            "+1.2",
            "1.x",
            "99999999999999999999.1",
        ] {
            assert!(ConnectionId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn server_made_message_ids_are_recognised() {
        let id = MessageId::generate(&SeededRandom::new(1));
        assert!(id.is_server_made() && MessageId::parse(id.as_str()).is_ok());
        assert!(!MessageId::parse("order-1").unwrap().is_server_made());
        assert!(MessageId::parse("with space").is_err());
    }
}
