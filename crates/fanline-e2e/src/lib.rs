//! Drives a real `fanline` process from outside, over its public protocols.
//!
//! Everything here speaks to the product as a user would: it starts the binary, reads what it says,
//! and knows nothing of the crates inside. On which broker is the environment's to say: see [`Broker`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool for tests: a fault is a failed test"
)]

mod broker;
mod client;
mod http;
mod installation;
mod jwt;
mod pusher;
mod server;

pub use broker::Broker;
pub use client::Native;
pub use http::Answer;
pub use installation::Installation;
pub use jwt::{claims, token};
pub use pusher::{PusherSocket, channel_auth, sign};
pub use server::{Info, Server, patience};
