//! The wall from outside: what each credential proves, and what it opens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod access;
mod caching;
mod minting;
mod signatures;
mod tokens;
mod verifying;
mod world;
