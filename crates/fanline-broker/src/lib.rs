//! The ports to whatever carries messages between nodes, and their in-memory reference.
//!
//! [`Broker`] numbers, keeps and carries messages; [`Presence`] knows who is there; [`Signals`] carries
//! control traffic between nodes, and [`Nodes`] knows which nodes there are. The comments on the ports are
//! the contract, and one suite (in `fanline-testkit`) holds every implementation to it. This crate knows no
//! protocol, no tenant's rules beyond [`Retention`](fanline_model::Retention), and no network.

mod broker;
pub mod envelope;
pub mod memory;
mod nodes;
mod presence;
mod signals;
mod wire;

pub use broker::{
    Broker, BrokerError, ChannelId, Condition, Feed, Head, Outcome, Page, PageLimit, Publish,
    PublishError, UnchangedReason,
};
pub use nodes::{BootId, NodeInfo, NodeState, Nodes, RegisteredNode};
pub use presence::{Entry, Presence, PresenceChange, PresenceError, PresenceRevision, Roster};
pub use signals::{Signal, SignalHandler, Signals};
