//! What tests of several crates share. Nothing that is shipped is built from it.
//! Real Redis servers and clusters for them are started by [`redis`], networks whose links can be cut by
//! [`network`].

pub mod contract;
pub mod engine_world;
mod gate;
pub mod model_client;
pub mod network;
pub mod redis;
pub mod stub_guest;
pub mod test_link;
