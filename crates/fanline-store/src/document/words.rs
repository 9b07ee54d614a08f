//! The words of a rule.

use fanline_model::Durability;
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

/// Whose acknowledgement the publisher of a logged message waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DurabilityWord {
    /// That of the server which numbered it. A failover that loses it is declared as a fork.
    #[default]
    Acked,
    /// That of the configured number of replicas too; without it the publisher hears "unknown, retry with
    /// this id". The embedded broker has no replicas, and there it says what `acked` does.
    Replicated,
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

impl From<Durability> for DurabilityWord {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Acked => Self::Acked,
            Durability::Replicated => Self::Replicated,
        }
    }
}

impl From<DurabilityWord> for Durability {
    fn from(word: DurabilityWord) -> Self {
        match word {
            DurabilityWord::Acked => Self::Acked,
            DurabilityWord::Replicated => Self::Replicated,
        }
    }
}
