//! The lab: builds the server and the program that breaks it, and runs that.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{Outcome, process, repository::Repository};

/// What is run.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The scenarios, by name; without any they are printed.
    names: Vec<String>,
    /// Run every scenario.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Build the server as it is released, and not for debugging.
    #[arg(long)]
    release: bool,
    /// What all choices follow from; without it the time.
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds of traffic, beside the fault's own time.
    #[arg(long, value_name = "SECONDS")]
    duration: Option<u64>,
    /// How many servers.
    #[arg(long)]
    nodes: Option<u8>,
    /// Another version of the server's program, for the scenario about two.
    #[arg(long, value_name = "PATH")]
    other_program: Option<PathBuf>,
}

/// The scenarios of the short form: a fault of Redis and one of a server, in a minute and a half.
const SHORT: [&str; 2] = ["kill-primary", "kill-node"];
const SHORT_SECONDS: u64 = 6;

/// Runs what was asked for. It fails if a promise was broken.
pub(crate) fn run(repository: &Repository, arguments: &Arguments) -> Result<Outcome> {
    let profile = if arguments.release {
        "release"
    } else {
        "debug"
    };
    let mut build = Command::new("cargo");
    build.args(["build", "--locked", "--package", "fanline-server"]);
    if arguments.release {
        build.arg("--release");
    }
    process::run(build.current_dir(repository.root()))?;
    let mut build = Command::new("cargo");
    build.args(["build", "--locked", "--package", "fanline-lab"]);
    process::run(build.current_dir(repository.root()))?;

    let mut lab = Command::new(repository.target().join("debug").join("fanline-lab"));
    lab.current_dir(repository.root());
    if arguments.names.is_empty() && !arguments.all {
        lab.arg("list");
    } else {
        let program = repository.target().join(profile).join("fanline");
        lab.arg("run").args(&arguments.names);
        lab.arg("--program").arg(program);
        lab.arg("--results").arg(repository.target().join("lab"));
        lab.args(arguments.all.then_some("--all"));
        if let Some(other) = &arguments.other_program {
            lab.arg("--other-program").arg(other);
        }
        let numbers = [
            ("--seed", arguments.seed),
            ("--duration", arguments.duration),
            ("--nodes", arguments.nodes.map(u64::from)),
        ];
        for (name, number) in numbers {
            lab.args(number.map(|number| format!("{name}={number}")));
        }
    }
    process::run(&mut lab)?;
    Ok(Outcome::Passed)
}

/// The short form, for the test command.
pub(crate) fn suite(repository: &Repository) -> Result<Outcome> {
    let arguments = Arguments {
        names: SHORT.map(str::to_owned).to_vec(),
        all: false,
        release: false,
        seed: None,
        duration: Some(SHORT_SECONDS),
        nodes: None,
        other_program: None,
    };
    run(repository, &arguments)
}
