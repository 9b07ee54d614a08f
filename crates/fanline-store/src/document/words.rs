//! The words of a rule.

use fanline_tenancy::{Access, SlowConsumer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who may subscribe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessWord {
    /// Anybody with the app key.
    Open,
    /// Whoever has a capability or a channel signature.
    #[default]
    Token,
}

/// What happens to slow readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlowConsumerWord {
    /// The connection is closed; it resumes where it was.
    #[default]
    Disconnect,
    /// The oldest waiting messages go.
    DropOldest,
    /// Of the waiting messages with one key only the newest stays.
    Conflate,
}

impl From<Access> for AccessWord {
    fn from(access: Access) -> Self {
        match access {
            Access::Open => Self::Open,
            Access::Token => Self::Token,
        }
    }
}

impl From<AccessWord> for Access {
    fn from(word: AccessWord) -> Self {
        match word {
            AccessWord::Open => Self::Open,
            AccessWord::Token => Self::Token,
        }
    }
}

impl From<SlowConsumer> for SlowConsumerWord {
    fn from(policy: SlowConsumer) -> Self {
        match policy {
            SlowConsumer::Disconnect => Self::Disconnect,
            SlowConsumer::DropOldest => Self::DropOldest,
            SlowConsumer::Conflate => Self::Conflate,
        }
    }
}

impl From<SlowConsumerWord> for SlowConsumer {
    fn from(word: SlowConsumerWord) -> Self {
        match word {
            SlowConsumerWord::Disconnect => Self::Disconnect,
            SlowConsumerWord::DropOldest => Self::DropOldest,
            SlowConsumerWord::Conflate => Self::Conflate,
        }
    }
}
