//! The engine: sessions, the hub, fan-out, resume, limits, eviction, drain.
mod link;
pub use link::{Link, Received};
