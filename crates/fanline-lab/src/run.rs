//! One run: everything is started, a scenario does its harm, all comes to rest, the logs are audited and judged.

mod audit;
mod look;
mod other;
mod quiet;

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use crate::checker;
use crate::dice::Dice;
use crate::http::Http;
use crate::log::{Event, Logbook, Logs, Recorder};
use crate::report::{self, About, Report};
use crate::scenario::Scenario;
use crate::stage::{Nodes, Program, Stage};
use crate::workload::Workload;

const PULSE: Duration = Duration::from_millis(50);
/// Longer than a busy machine keeps a task waiting.
const STANDSTILL: Duration = Duration::from_millis(300);

/// How a run is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// What all choices follow from.
    pub seed: u64,
    /// How long traffic runs, beside the fault's own time.
    pub duration: Duration,
    /// How many servers.
    pub nodes: usize,
    /// The server's program.
    pub program: PathBuf,
    /// Another version of it, for scenarios about two.
    pub other_program: Option<PathBuf>,
    /// Where the directory of the run is made.
    pub results: PathBuf,
}

/// Makes a run, judges it, and writes the report into its directory.
pub async fn run(scenario: &dyn Scenario, options: &Options) -> Result<Report> {
    let began = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let name = format!("{}-{}-{}", scenario.name(), options.seed, began.as_millis());
    let logbook = Logbook::create(&options.results.join(name))?;
    let about = About::of(scenario, options)?;
    about.write(logbook.directory())?;

    let timeline = logbook.actor("stage")?;
    let played = tokio::select! {
        played = play(scenario, options, &logbook, &timeline) => played,
        never = watch_the_lab(&timeline) => match never {},
    };
    if let Err(error) = &played {
        timeline.record(Event::Note {
            text: format!("the run broke off: {error:#}"),
        });
    }
    logbook.finish()?;
    played.with_context(|| {
        let directory = logbook.directory().display();
        format!(
            "{} broke off; what was written is in {directory}",
            scenario.name()
        )
    })?;
    let logs = Logs::read(logbook.directory())?;
    report::write(logbook.directory(), about, &logs, checker::check(&logs))
}

async fn play(
    scenario: &dyn Scenario,
    options: &Options,
    logbook: &Logbook,
    timeline: &Recorder,
) -> Result<()> {
    let phase = |name: &str| {
        timeline.record(Event::Phase {
            name: name.to_owned(),
        })
    };
    phase("start");
    for limit in scenario.limits() {
        timeline.record(Event::Limit(limit));
    }
    for expectation in scenario.expectations() {
        timeline.record(Event::Expectation(expectation));
    }
    let http = Http::default();
    let plan = scenario.plan();
    let ground = scenario.ground().await?;
    let program = Program {
        path: options.program.clone(),
        other: match scenario.needs_two_programs() {
            true => Some(other::program(options, logbook.directory())?),
            false => None,
        },
        count: options.nodes,
        logs: logbook.directory().to_owned(),
    };
    let nodes = Nodes::start(&program, &ground, &plan, &http).await?;
    let workload = Workload::start(options.seed, &plan, &ground, &nodes, &http, logbook).await?;
    let stage = Stage {
        ground,
        nodes,
        workload,
        timeline: timeline.clone(),
        dice: Dice::of(options.seed, "scenario"),
        stretch: options.duration / 3,
    };

    phase("traffic");
    let observer = logbook.actor("observer")?;
    tokio::select! {
        acted = scenario.act(&stage) => acted?,
        never = look::at_metrics(scenario, &stage, &http, &observer) => match never {},
    }

    phase("coming to rest");
    stage.workload.rest().await;
    quiet::wait(&stage, &http).await;

    phase("audit");
    let auditor = logbook.actor("auditor")?;
    audit::audit(&stage, &http, &auditor).await?;
    // A line that broke meanwhile is an interruption that must end, too.
    quiet::wait(&stage, &http).await;
    phase("end");
    stage.workload.end().await;
    Ok(())
}

/// Writes down when the lab itself stood still, since the times of that moment then say nothing of the servers.
async fn watch_the_lab(timeline: &Recorder) -> Infallible {
    let mut before = Instant::now();
    loop {
        tokio::time::sleep(PULSE).await;
        let late = before.elapsed().saturating_sub(PULSE);
        before = Instant::now();
        if late > STANDSTILL {
            let millis = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
            timeline.record(Event::StoodStill { millis });
        }
    }
}
