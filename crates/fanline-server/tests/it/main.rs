//! The binary `fanline`, as a person or a script at a shell meets it.
#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test, a panic is the report"
)]

mod apps_file;
mod client_commands;
mod doctor;
mod lifetime;
mod program;
mod refusals;
mod serving;
