//! WebSocket, server side: RFC 6455 frames over a socket that hyper has upgraded.
//!
//! One connection is one [`WebSocketStream`], owned by one task. It holds no buffer while it is
//! idle: bytes are read into scratch memory that the thread's connections share, and only what
//! belongs to an unfinished frame is kept. What it sends are shared, already encoded frames, all
//! that are queued in one system call.
//!
//! The frames are ours rather than a library's because an idle connection *is* its read buffer,
//! and because readers at hand trust the length that a client announces (`docs/ARCHITECTURE.md`).
//! From fastwebsockets come the handshake's accept key, frame headers and unmasking.
//!
//! This module moves frames. It must never know a channel, a session or a protocol, and never
//! allocate on the word of a client: only for bytes that have arrived, within the message limit.

mod decoder;
pub mod echo;
pub mod encoder;
pub mod handshake;
mod incoming;
mod socket;
mod stream;

pub use decoder::{DecodeError, Decoder};
pub use incoming::{Close, Incoming, is_close_code};
pub use socket::{ByteStream, Socket};
pub use stream::{ReceiveError, WebSocketStream};
