//! Real Redis servers and clusters that live as long as a test.
//!
//! What a broker may believe of Redis is only shown by Redis itself: its expiry, its elections, the way
//! its slots move. Each server is a process of its own in a temporary directory, on a free port of
//! 127.0.0.1, and is killed and gone with its directory when its value is dropped, also by a panic.
//!
//! A test must never meet a server that it did not start, and never skip because there is none: a
//! missing program is an error that names its Debian package. Times are real ones, so a test that uses
//! this must not pause tokio's clock.

mod clock;
mod cluster;
mod connection;
mod log;
mod ports;
mod process;
mod proxy;
mod replica;
mod server;
mod tls;
mod wait;

#[cfg(test)]
mod tests;

pub use clock::{MovableClock, WallClock};
pub use cluster::{Node, RedisCluster, SlotMove};
pub use proxy::Proxy;
pub use server::RedisServer;
pub use tls::{Certificates, Clients};
