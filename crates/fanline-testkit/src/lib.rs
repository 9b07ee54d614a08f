//! What tests of several crates share. Nothing that is shipped is built from it.

pub mod contract;
