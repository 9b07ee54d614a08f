//! The engine: sessions, the hub, fan-out, resume, limits, eviction, drain.
//!
//! It turns the [commands](fanline_protocol::Command) of a protocol into effects on the broker and
//! [events](fanline_protocol::Event) for the client, over whatever [`Link`] a transport brings. It must
//! never name a protocol or a transport, and has no direct dependency on a web framework, Redis, SQL or
//! JSON.

mod connection_key;
mod engine;
mod entries;
mod hub;
mod link;
mod outbox;
mod policy;
mod publish;
mod rate;
mod realtime;
mod resume;
mod session;
mod sessions;
mod shared;
mod sweep;
mod thrift;

pub use engine::{Engine, EngineParts, EngineStats};
pub use link::{Link, Received};
pub use resume::{Verdict, choose, resume};
