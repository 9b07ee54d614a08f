//! Rows measured in turns, so that what else the machine does falls on all of them alike.

use anyhow::{Context, Result, bail};

use crate::cli::Arguments;
use crate::progress::Progress;
use crate::report::{Measurement, Report};
use crate::scenario::Scenario;
use crate::target::{Programs, TargetKind};

/// Runs everything that was asked for.
pub(crate) fn run(arguments: &Arguments, scenario: &Scenario, rounds: usize) -> Result<Report> {
    let targets = &arguments.target;
    if rounds == 0 {
        bail!("--rounds is at least 1");
    }
    let programs = arguments.programs();
    let progress = Progress::rows((rounds * targets.len()) as u64);
    let mut measured: Vec<(TargetKind, Vec<Measurement>)> =
        targets.iter().map(|target| (*target, Vec::new())).collect();
    for round in 0..rounds {
        for turn in 0..targets.len() {
            let row = place(round, turn, targets.len());
            let (target, measurements) = &mut measured[row];
            let name = format!("{target}, round {} of {rounds}", round + 1);
            progress.row(name.clone());
            let measurement =
                measure(*target, &programs, scenario, &progress).with_context(|| name)?;
            measurements.push(measurement);
            progress.row_done();
        }
    }
    Ok(Report::new(scenario.clone(), measured))
}

fn measure(
    target: TargetKind,
    programs: &Programs,
    scenario: &Scenario,
    progress: &Progress,
) -> Result<Measurement> {
    let server = target.start(programs, scenario.installation())?;
    let measurement = scenario.run(&server, progress)?;
    server.stop()?;
    Ok(measurement)
}

/// Each round begins with another row: being first or after a certain neighbour helps nobody.
pub(crate) fn place(round: usize, turn: usize, rows: usize) -> usize {
    (round + turn) % rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_turn_in_every_round_and_each_is_first_once() {
        let rounds: Vec<Vec<usize>> = (0..3)
            .map(|round| (0..3).map(|turn| place(round, turn, 3)).collect())
            .collect();
        assert_eq!(rounds, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
    }
}
