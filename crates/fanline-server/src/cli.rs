//! The command line: one command, one file.

mod apps;
mod config;
mod dev;
mod doctor;
mod openapi;
mod publish;
mod serve;
mod subscribe;
mod token;
mod version;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};

/// Fanline: self-hosted realtime messaging. Publish over HTTP, subscribe over WebSocket.
#[derive(Debug, Parser)]
#[command(name = "fanline", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dev(dev::Dev),
    Serve(serve::Serve),
    Publish(publish::Publish),
    Subscribe(subscribe::Subscribe),
    Token(token::Token),
    Openapi(openapi::Openapi),
    Config(config::Config),
    Doctor(doctor::Doctor),
    Apps(apps::Apps),
    Version(version::Version),
}

/// For whom a command writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// People.
    #[default]
    Text,
    /// Scripts: JSON, one object a line.
    Json,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Dev(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Publish(command) => command.run(),
        Command::Subscribe(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Openapi(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Apps(command) => command.run(),
        Command::Version(command) => command.run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is gone too, nobody is left to be told.
            let _ = writeln!(io::stderr(), "fanline: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever read our output has seen enough, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let causes = error.chain().filter_map(|cause| cause.downcast_ref());
    causes
        .map(io::Error::kind)
        .any(|kind| kind == io::ErrorKind::BrokenPipe)
}

/// Writes a line to standard output.
pub(crate) fn say(line: impl std::fmt::Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// A runtime for a command that serves, with all its threads.
fn server_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("fanline")
        .build()
}

/// A runtime for a command that asks a server something.
fn client_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_argument_says_what_it_is_for() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                let name = argument.get_id();
                assert!(
                    argument.get_help().is_some(),
                    "{} {name}",
                    command.get_name()
                );
            }
            for command in command.get_subcommands() {
                check(command);
            }
        }
        let mut command = Cli::command();
        command.build();
        check(&command);
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        let pipe = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(is_broken_pipe(&pipe.context("while printing")));
        assert!(!is_broken_pipe(&anyhow::anyhow!("something else")));
    }
}
