//! `fanline-bench`: what a delivery, an idle connection and a connect cost a server.
//!
//! It measures from outside, as a client and through `/proc`, and so knows nothing of Fanline's
//! inside: the same run can be held against a bare loop (`limit-*`) and against either of Fanline's
//! protocols. Only [`publish_function`] looks into a part that no client sees alone. Processor time
//! for each delivery is the headline, because deliveries a second follow what else the machine does.
//! It must never cost more than what it measures by being clever: one thread, one epoll, one shared
//! read buffer, no JSON on the way of a message.

mod cli;
mod clock;
mod generator;
mod proc;
mod progress;
mod publish_function;
mod report;
mod rounds;
mod scenario;
mod statistics;
mod target;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use cli::{Arguments, Command, Output};
use scenario::Scenario;

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
    let (text, is_clean) = match &arguments.command {
        Command::One(scenario) => served(arguments, scenario, 1)?,
        Command::Compare { scenario, rounds } => served(arguments, scenario, *rounds)?,
        Command::RedisPublish(function) => {
            let report = function.run()?;
            let text = match arguments.output {
                Output::Table => publish_function::table(&report),
                Output::Json => serde_json::to_string_pretty(&report)?,
            };
            (text, true)
        }
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(is_clean)
}

/// Measures servers; answers the report, and whether it is clean.
fn served(arguments: &Arguments, scenario: &Scenario, rounds: usize) -> Result<(String, bool)> {
    let report = rounds::run(arguments, scenario, rounds)?;
    let text = match arguments.output {
        Output::Table => report.table(),
        Output::Json => serde_json::to_string_pretty(&report)?,
    };
    Ok((text, report.is_clean()))
}
