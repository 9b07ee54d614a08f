//! The commands that ask a running server: where it is, what proves who asks, and how to talk to it.

mod http;
mod reading;
mod server;
mod subscriber;

pub(crate) use http::send;
pub(crate) use reading::{Reading, Verdict};
pub(crate) use server::{Server, ServerArgs};
pub(crate) use subscriber::{Heard, subscribe};
