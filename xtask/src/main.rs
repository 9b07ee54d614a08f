//! `cargo xtask …`: what a contributor runs beside `cargo` itself.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command for people: its output is what it is for"
)]

mod autobahn;
mod dev_server;
mod lab;
mod outcome;
mod process;
mod regen;
mod repository;
mod schemathesis;
mod suites;
mod tidy;
mod tools;
mod watchdog;

use std::process::ExitCode;

use clap::{Parser, Subcommand, builder::PossibleValuesParser};

pub(crate) use outcome::Outcome;
use repository::Repository;

/// What a contributor runs beside cargo itself.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run every test there is, installing what it needs, and print the minutes of each suite.
    Test {
        /// Run this suite and what it needs; may be given several times.
        #[arg(long, value_name = "SUITE", value_parser = PossibleValuesParser::new(suites::names()))]
        only: Vec<String>,
        /// Count a suite that cannot run on this machine as failed.
        #[arg(long)]
        require: bool,
        /// Run the long ones as well.
        #[arg(long)]
        all: bool,
        /// Stretch every budget and every long wait within the tests.
        #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
        time_factor: f64,
    },
    /// Check the invariants of the house.
    Tidy,
    /// Make again what is generated and committed.
    Regen,
    /// Run the Autobahn test suite against the WebSocket implementation.
    Autobahn {
        /// Run the groups on limits and speed as well.
        #[arg(long)]
        all: bool,
        /// Fail where it cannot run.
        #[arg(long)]
        require: bool,
    },
    /// Break a running installation in one named way, and say which promises held.
    Lab(lab::Arguments),
    /// Call the HTTP APIs with everything odd that their documents allow; build the server before.
    Schemathesis,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<bool> {
    let repository = Repository::find()?;
    let outcome = match command {
        Command::Test {
            only,
            require,
            all,
            time_factor,
        } => {
            let options = suites::Options {
                only,
                require,
                all,
                time_factor,
            };
            return Ok(suites::run(&repository, &options));
        }
        Command::Tidy => tidy::run(&repository)?,
        Command::Regen => {
            regen::run(&repository)?;
            Outcome::Passed
        }
        Command::Autobahn { all, require } => autobahn::run(all, require)?,
        Command::Lab(arguments) => lab::run(&repository, &arguments)?,
        Command::Schemathesis => schemathesis::run(&repository)?,
    };
    if let Outcome::Skipped(reason) = outcome {
        println!("skipped: {reason}");
    }
    Ok(true)
}

fn factor(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if (0.1..=100.0).contains(&factor) => Ok(factor),
        _ => Err("give a number from 0.1 to 100".to_owned()),
    }
}
