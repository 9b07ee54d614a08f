//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::publish_function::PublishFunction;
use crate::scenario::Scenario;
use crate::target::{Programs, TargetKind};

/// Measures what a delivery, an idle connection and a connect cost a server.
///
/// Each row starts a fresh server on loopback, loads it from this process and reads its processor
/// time and memory from /proc. Every message is checked: lost, duplicated or disordered ones are
/// counted and end the run with an error.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// The rows, separated by commas; ratios are to the first.
    #[arg(
        long,
        visible_alias = "targets",
        value_name = "TARGETS",
        value_enum,
        value_delimiter = ',',
        global = true,
        default_values_t = [TargetKind::Native]
    )]
    pub(crate) target: Vec<TargetKind>,
    #[arg(long, value_enum, global = true, default_value_t = Output::Table)]
    pub(crate) output: Output,
    /// Fanline's binary, built with `cargo build --release`.
    #[arg(
        long,
        value_name = "PATH",
        global = true,
        default_value = "target/release/fanline"
    )]
    fanline_bin: PathBuf,
    /// One more argument for `fanline dev`; may be repeated.
    #[arg(
        long,
        value_name = "ARGUMENT",
        global = true,
        allow_hyphen_values = true
    )]
    fanline_arg: Vec<String>,
    /// The bare loop's binary, for the rows `limit-*`.
    #[arg(long, value_name = "PATH", global = true, default_value = "limit")]
    limit_bin: PathBuf,
    /// Redis 7 or newer, for the scenarios that need it.
    #[arg(
        long,
        value_name = "PATH",
        global = true,
        default_value = "redis-server"
    )]
    redis_bin: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    One(Scenario),
    /// The function that publishes within Redis beside a bare one: what a message costs Redis itself.
    ///
    /// Starts a redis-server of its own; `--target` and the paths of programs mean nothing here.
    RedisPublish(PublishFunction),
    /// Measure several targets in interleaved rounds; prints medians and ratios to the first.
    Compare {
        #[command(subcommand)]
        scenario: Scenario,
        #[arg(long, value_name = "COUNT", global = true, default_value_t = 5)]
        rounds: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Table,
    Json,
}

impl Arguments {
    pub(crate) fn programs(&self) -> Programs {
        Programs {
            limit: self.limit_bin.clone(),
            fanline: self.fanline_bin.clone(),
            redis: self.redis_bin.clone(),
            fanline_arguments: self.fanline_arg.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn parse(line: &str) -> Arguments {
        Arguments::try_parse_from(line.split(' ')).unwrap()
    }

    #[test]
    fn the_command_line_holds_together() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn one_row_needs_no_rounds() {
        let arguments = parse("fanline-bench fan-out --subscribers 5000");
        assert!(matches!(
            arguments.command,
            Command::One(Scenario::FanOut(_))
        ));
        assert_eq!(arguments.target, [TargetKind::Native]);
    }

    #[test]
    fn rows_are_compared_in_the_order_they_are_named() {
        let line = "fanline-bench compare fan-out --targets limit-write,native --rounds 3";
        let arguments = parse(line);
        assert!(matches!(
            arguments.command,
            Command::Compare { rounds: 3, .. }
        ));
        assert_eq!(
            arguments.target,
            [TargetKind::LimitWrite, TargetKind::Native]
        );
    }

    #[test]
    fn a_server_argument_may_look_like_a_flag() {
        let arguments = parse("fanline-bench idle --fanline-arg --config --fanline-arg x.toml");
        assert_eq!(
            arguments.programs().fanline_arguments,
            ["--config", "x.toml"]
        );
    }
}
