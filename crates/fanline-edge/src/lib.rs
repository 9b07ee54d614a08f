//! The edge: where clients come in.
//!
//! It listens, reads HTTP, opens WebSockets and hands each to the engine with the protocol of its
//! mount; an HTTP request goes to the service of its mount. It moves frames and bytes and decides
//! nothing about them: who may connect is the engine's business, what a frame means the protocol's,
//! and which protocols there are the server's. It must never name one.

mod connection;
mod door;
mod link;
pub mod listener;
mod mount;
mod node;
pub mod ops;
mod problem;
mod request;
mod sessions;
pub mod ws;

pub use door::{Door, Patience};
pub use link::WebSocketLink;
pub use mount::Mounts;
pub use node::{Farewell, Node};
pub use request::Peer;
pub use sessions::Sessions;
