//! What tests of several crates share. Nothing that is shipped is built from it.

pub mod contract;
pub mod engine_world;
mod gate;
pub mod model_client;
pub mod stub_guest;
pub mod test_link;
