//! The WebSocket layer.

mod cost;
mod cuts;
mod differential;
mod echo;
pub(crate) mod frames;
mod malice;
mod script;
mod stream;
