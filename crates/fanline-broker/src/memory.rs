//! The in-memory reference of the ports, and what an embedded node runs on.
//!
//! A channel is one record under one lock: numbering, log, idempotency records, last values. Every act on
//! it is atomic because it is done under that lock, and the [`Feed`](crate::Feed) is called under it too,
//! which is why a feed must return quickly and never call back.
//!
//! Nothing here survives the process by itself: [`MemoryBroker::save`] and [`MemoryBroker::restore`] carry
//! the channels over a clean stop, and whatever was not carried over begins a new epoch. It must never be
//! used by two processes at once, hence [`snapshot_file`] removes a snapshot before anybody may use it.

mod agenda;
mod broker;
mod budget;
mod channel;
mod faults;
mod log;
mod nodes;
mod presence;
mod publish;
mod records;
mod roster;
mod shard;
mod signals;
mod snapshot;
pub mod snapshot_file;
mod values;

pub use broker::{MemoryBroker, MemoryLimits};
pub use budget::Usage;
pub use nodes::MemoryNodes;
pub use presence::MemoryPresence;
pub use signals::MemorySignals;
pub use snapshot::SnapshotError;
