//! Pusher Channels as a guest of the house: its frames, its names and prefixes, its signatures, its HTTP
//! API, so that unmodified Pusher libraries work (docs/protocol/pusher.md).
//!
//! What the prefixes of Pusher's names mean is known here and nowhere else; who may read a channel is
//! the app's rules', for every protocol alike. This crate must never see a secret, judge a signature,
//! or touch network and storage: it hands [`Proof`](fanline_tenancy::Proof)s to the waist.

mod ciphertext;
mod dialect;
mod ending;
mod envelope;
mod event;
mod frames;
mod http;
mod json;
mod limits;
mod mark;
mod name;
mod opening;
mod protocol;

pub use self::http::{http, openapi};
pub use protocol::PusherProtocol;
