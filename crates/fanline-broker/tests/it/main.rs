//! The in-memory reference held to the contract of its ports, and what is its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod envelope;
mod housekeeping;
mod interleavings;
mod memory;
mod nodes;
mod snapshot;

mod broker {
    fanline_testkit::broker_contract!(crate::memory::Harness);
    fanline_testkit::broker_budget_contract!(crate::memory::Harness);
    fanline_testkit::broker_faults_contract!(crate::memory::Harness);
}
mod presence {
    fanline_testkit::presence_contract!(crate::memory::Harness);
}
mod signals {
    fanline_testkit::signals_contract!(crate::memory::Harness);
}
