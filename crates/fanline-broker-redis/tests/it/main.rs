//! The port's suite on real Redis servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod failover;
mod harness;
mod presence;

mod broker {
    fanline_testkit::broker_contract!(crate::harness::Harness);
}
