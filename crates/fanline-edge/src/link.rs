//! The engine's port to a client's line, over what this crate carries.

mod websocket;

pub use websocket::WebSocketLink;
