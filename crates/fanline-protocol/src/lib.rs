//! The waist of the house: what a protocol and the engine say to each other.
//!
//! Many protocols stand above it, one engine beside it. A protocol turns frames into [`Command`]s and
//! [`Event`]s into frames; the engine turns commands into effects and events. Neither names the other,
//! and our own protocol has no privilege. This crate does no IO and knows no wire format.

mod command;
mod event;
mod frame;
mod http;
mod open;
mod protocol;
mod realtime;
mod refusal;

pub use self::http::{BoxError, HttpBody, HttpService, empty_body, full_body};
pub use command::{Command, Enter, Item, Modes, PublishCommand, Start, Subscribe, Tag};
pub use event::{
    Continuity, Event, LostReason, Published, SkipReason, SubscribedEvent, UnsubscribeReason,
};
pub use frame::{CloseFrame, Frame, Outgoing, SharedFrame};
pub use open::{Open, Transport};
pub use protocol::{Dialect, Format, Liveness, Protocol};
pub use realtime::{
    Caller, ChannelInfo, ChannelQuery, HistoryPage, HistoryQuery, PublishBatch, PublishCall,
    PublishResult, Realtime,
};
pub use refusal::Refusal;
