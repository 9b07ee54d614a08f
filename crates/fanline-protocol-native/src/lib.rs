//! Fanline's own protocol: `fanline.v1` over sockets, and the HTTP API beside it.
//!
//! A guest of the waist like every other protocol, without a privilege: [`NativeProtocol`] turns frames of
//! JSON into commands and events into frames, [`http`] turns requests into questions to
//! [`Realtime`](fanline_protocol::Realtime). The contract is in `docs/protocol/native.md`. This crate does
//! no network and no database work, decides nobody's rights, and never sees a secret but the one that a
//! caller presents.

mod credential;
mod decode;
mod dialect;
mod encode;
mod http;
mod input;
mod json;
mod position;
mod protocol;

pub use http::{http, openapi};
pub use protocol::NativeProtocol;
