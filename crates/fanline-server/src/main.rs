//! `fanline`.

use std::process::ExitCode;

fn main() -> ExitCode {
    fanline_server::cli::run()
}
