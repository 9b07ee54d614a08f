//! The log: standard error, so that standard output is free for what a script reads.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, filter::ParseError};

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A log filter that is none.
#[derive(Debug)]
pub struct InvalidFilter(ParseError);

/// Sends the process's log to standard error, as far as `filter` lets it through
/// (`info,fanline_engine=debug`). A second call changes nothing.
///
/// # Errors
/// The filter does not parse.
pub fn init_log(format: LogFormat, filter: &str) -> Result<(), InvalidFilter> {
    let filter = EnvFilter::try_new(filter).map_err(InvalidFilter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // An error means that a log is already there: a test started two nodes in one process.
    match format {
        LogFormat::Text => {
            let colours = io::stderr().is_terminal();
            builder
                .with_target(false)
                .with_ansi(colours)
                .try_init()
                .ok()
        }
        LogFormat::Json => builder.json().try_init().ok(),
    };
    Ok(())
}

impl std::fmt::Display for InvalidFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(cause) = self;
        write!(
            f,
            "the log filter is not valid ({cause}); write a level, or levels by module, as in \
             `info,fanline_engine=debug`"
        )
    }
}

impl std::error::Error for InvalidFilter {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_does_not_parse_is_refused_with_an_example() {
        let refused = init_log(LogFormat::Text, "fanline=loud").err();
        let sentence = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(sentence.contains("info,fanline_engine=debug"), "{sentence}");
    }
}
