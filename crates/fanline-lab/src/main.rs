//! `fanline-lab`: breaks a running installation in one named way, and says which promises held.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use fanline_lab::log::Logs;
use fanline_lab::report::{About, Report};
use fanline_lab::run::{self, Options};
use fanline_lab::scenario::{self, Scenario};
use fanline_lab::{checker, page, report};
use tokio::signal::unix::{SignalKind, signal};

/// Breaks a running installation in one named way, and says which promises held.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the scenarios.
    List {
        /// Bring the list in this page up to date instead.
        #[arg(long, value_name = "FILE")]
        page: Option<PathBuf>,
    },
    /// Run scenarios and judge them.
    Run(Run),
    /// Judge the logs of an earlier run again.
    Check {
        /// The run's directory.
        directory: PathBuf,
    },
}

#[derive(Debug, Args)]
struct Run {
    /// The scenarios, by name.
    #[arg(required_unless_present = "all")]
    names: Vec<String>,
    /// Run every scenario.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// What all choices follow from; without it the time.
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds of traffic, beside the fault's own time.
    #[arg(long, default_value_t = 15, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(3..=3_600))]
    duration: u64,
    /// How many servers, the last one for the second tenant.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=16))]
    nodes: u8,
    /// The server's program.
    #[arg(long, value_name = "PATH", default_value = "target/debug/fanline")]
    program: PathBuf,
    /// Another version of the server's program, for the scenario about two. Without it the same program with its
    /// function library under another name.
    #[arg(long, value_name = "PATH")]
    other_program: Option<PathBuf>,
    /// Where the directories of runs are made.
    #[arg(long, value_name = "DIR", default_value = "target/lab")]
    results: PathBuf,
}

fn main() -> ExitCode {
    match dispatch(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody is left to tell if stderr is closed.
            let _ = writeln!(std::io::stderr(), "fanline-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every promise held.
fn dispatch(command: Command) -> Result<bool> {
    match command {
        Command::List { page: Some(page) } => page::update(&page).map(|()| true),
        Command::List { page: None } => {
            for scenario in scenario::all() {
                say(&format!("{:<26}{}\n", scenario.name(), scenario.about()))?;
            }
            Ok(true)
        }
        Command::Run(arguments) => arguments.run(),
        Command::Check { directory } => {
            let about = About::read(&directory)?;
            let logs = Logs::read(&directory)?;
            told(&report::write(
                &directory,
                about,
                &logs,
                checker::check(&logs),
            )?)
        }
    }
}

// === impl Run ===

impl Run {
    fn run(&self) -> Result<bool> {
        let scenarios = self.scenarios()?;
        let options = Options {
            seed: self.seed.unwrap_or_else(now),
            duration: Duration::from_secs(self.duration),
            nodes: self.nodes.into(),
            program: self.program.clone(),
            other_program: self.other_program.clone(),
            results: self.results.clone(),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let mut is_good = true;
        for scenario in scenarios {
            if let Some(obstacle) = scenario.obstacle() {
                say(&format!(
                    "{}: cannot run here: {obstacle}\n",
                    scenario.name()
                ))?;
                is_good &= self.all;
                continue;
            }
            // One that broke off must not hide what the others show.
            match runtime.block_on(unless_stopped(run::run(scenario, &options)))? {
                None => return Ok(false),
                Some(Ok(report)) => is_good &= told(&report)?,
                Some(Err(error)) => {
                    is_good = false;
                    say(&format!("{error:#}\n"))?;
                }
            }
        }
        Ok(is_good)
    }

    fn scenarios(&self) -> Result<Vec<&'static dyn Scenario>> {
        if self.all {
            return Ok(scenario::all());
        }
        let named = |name: &String| {
            scenario::named(name).with_context(|| {
                format!("there is no scenario {name}: `fanline-lab list` prints all")
            })
        };
        self.names.iter().map(named).collect()
    }
}

/// Nothing if somebody asked this program to stop: then everything that the run started ends with it.
async fn unless_stopped<T>(run: impl Future<Output = T>) -> Result<Option<T>> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = run => Ok(Some(result)),
        _ = tokio::signal::ctrl_c() => Ok(None),
        _ = terminate.recv() => Ok(None),
    }
}

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

fn told(report: &Report) -> Result<bool> {
    say(&format!("{report}\n"))?;
    Ok(report.is_good())
}

fn say(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}
