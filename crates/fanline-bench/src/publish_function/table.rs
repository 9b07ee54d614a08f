//! The rows for people.

use super::calls::Row;
use super::{FunctionReport, Measured};
use crate::report::{align, number};

/// Medians, and what each is of the first row's and of the single publish's.
pub(crate) fn table(report: &FunctionReport) -> String {
    let asked = &report.scenario;
    let head = format!(
        "publish function: {} messages of {} B over {} channels, pipelined by {} calls\n{}\n\
         medians of {} interleaved rounds: Redis CPU for each message\n",
        asked.messages,
        asked.payload,
        asked.channels,
        asked.pipeline,
        report.machine.line(),
        asked.rounds
    );
    let names = ["row", "µs", "× bare", "× single", "least µs"];
    let mut cells = vec![names.map(str::to_owned).to_vec()];
    for measured in &report.rows {
        let times = |of| number(measured.median_us / median_of(report, of), 2);
        let least = measured
            .rounds_us
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min);
        cells.push(vec![
            measured.row.to_string(),
            number(measured.median_us, 2),
            times(Row::Bare),
            times(Row::Single),
            number(least, 2),
        ]);
    }
    format!("{head}\n{}", align(&cells))
}

fn median_of(report: &FunctionReport, row: Row) -> f64 {
    let of = |measured: &&Measured| measured.row == row;
    let measured = report.rows.iter().find(of);
    measured.map_or(f64::NAN, |measured| measured.median_us)
}
