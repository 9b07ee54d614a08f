//! The port's suite on real Redis servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod acl;
mod away;
mod doctor;
mod durability;
mod failover;
mod full;
mod harness;
mod library;
mod nodes;
mod presence;
mod shelf;
mod signals;
mod station;
mod sweeping;
mod tls;
mod who_hears;

mod broker {
    fanline_testkit::broker_contract!(crate::harness::Harness);
}
