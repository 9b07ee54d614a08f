//! What is wrong with the cluster, in a sentence for operators.

use std::fmt;

use redis::{ErrorKind, RedisError};

use super::Address;
use super::look::LookError;

/// Why the cluster cannot be used as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It is too early to tell.
    NotAsked,
    /// No server answers.
    Away { address: Address, error: Box<str> },
    /// A server answers, and will not have us.
    Refused { address: Address, error: Box<str> },
    /// The servers do not belong together.
    NoCluster,
    /// Servers answer, and some slot has no primary that is well.
    Unwell,
}

/// Whether a server answered this because of who we are.
pub(crate) fn is_refusal(error: &RedisError) -> bool {
    let code = error.code();
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(code, Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
}

// === impl Trouble ===

impl Trouble {
    /// What a server's error says.
    pub(super) fn of(address: &Address, error: &LookError) -> Self {
        let (address, text) = (address.clone(), error.to_string().into());
        match error {
            LookError::Away(error) if is_refusal(error) => Self::Refused {
                address,
                error: text,
            },
            _ => Self::Away {
                address,
                error: text,
            },
        }
    }

    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether both are of one kind, so that telling the second one as well would tell nothing new.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("Redis was not asked yet"),
            Self::Away { address, error } => {
                write!(f, "no Redis server answers; {address}: {error}")
            }
            Self::Refused { address, error } => write!(
                f,
                "Redis at {address} refuses this user: {error}; check redis.username, redis_password of \
                 [secrets], and the user's ACL rules"
            ),
            Self::NoCluster => f.write_str(
                "the servers of redis.nodes belong to no cluster: name one server, or servers of one cluster",
            ),
            Self::Unwell => f.write_str("a slot of the Redis Cluster has no primary that is well"),
        }
    }
}
