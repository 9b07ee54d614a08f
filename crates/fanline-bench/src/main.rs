//! `fanline-bench`: what a delivery, an idle connection and a connect cost a server.
//!
//! It measures from outside, as a client and through `/proc`, and so knows none of Fanline's
//! crates: the same run can be held against a bare loop (`limit-*`) and against either of Fanline's
//! protocols. Processor time for each delivery is the headline, because deliveries a second follow
//! what else the machine does. It must never cost more than what it measures by being clever: one
//! thread, one epoll, one shared read buffer, no JSON on the way of a message.

mod cli;
mod clock;
mod generator;
mod proc;
mod progress;
mod report;
mod rounds;
mod scenario;
mod statistics;
mod target;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use cli::{Arguments, Output};

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(std::io::stderr(), "fanline-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every message of every row arrived once and in order.
fn run(arguments: &Arguments) -> Result<bool> {
    let report = rounds::run(arguments)?;
    let text = match arguments.output {
        Output::Table => report.table(),
        Output::Json => serde_json::to_string_pretty(&report)?,
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(report.is_clean())
}
