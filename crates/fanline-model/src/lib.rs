//! The words of the domain, shared by every crate of Fanline.
//!
//! Ids, channels, messages, positions, limits, time, randomness, and the one registry of endings.
//! This crate must never do IO, never know a protocol or a transport, and never depend on another
//! crate of the house.

mod channel;
mod clock;
mod cursor;
mod ending;
mod id;
mod limits;
mod message;
mod pattern;
mod position;
mod random;
mod readable_json;
mod retention;
mod user;

pub use channel::{Channel, ChannelName, InvalidChannel};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use cursor::{Cursor, CursorEntry, InvalidCursor, name_hash};
pub use ending::{CloseReason, Comeback, ErrorCode};
pub use id::{AppId, ConnectionId, InvalidId, KeyId, MessageId, NodeId, TenantId};
pub use limits::Limits;
pub use message::{
    Draft, Header, InvalidName, Message, Origin, Payload, PayloadKind, validate_event_name,
};
pub use pattern::{ChannelPattern, InvalidPattern};
pub use position::{Epoch, Fork, InvalidEpoch, Lineage, Position};
pub use random::{Random, SeededRandom, SystemRandom};
pub use readable_json::ReadableJson;
pub use retention::{Durability, History, Retention, StateRule};
pub use user::{InvalidUser, UserId};
