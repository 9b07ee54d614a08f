//! Rows of figures: each round kept, the medians, and their ratios to the first row.

mod bound;
mod machine;
pub(crate) mod metric;
mod table;

use serde::Serialize;

use crate::generator::Faults;
use crate::scenario::Scenario;
use crate::statistics::median;
use crate::target::TargetKind;
pub(crate) use bound::Bound;
pub(crate) use machine::Machine;
pub(crate) use metric::{Figures, Metric};
pub(crate) use table::{align, number};

/// What one run of one scenario against one server gave.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Measurement {
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// What led to the figures, where there were several tries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) steps: Vec<Figures>,
    #[serde(flatten)]
    pub(crate) faults: Faults,
    /// Publishes that the server did not accept.
    pub(crate) refused: u64,
    /// Subscribers that the server let go.
    pub(crate) disconnected: usize,
    /// The first few things the server said that were not expected.
    pub(crate) troubles: Vec<String>,
}

/// One target's rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    target: TargetKind,
    median: Figures,
    /// To the first row's medians.
    ratio: Figures,
    rounds: Vec<Measurement>,
}

/// Everything that is printed.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    scenario: Scenario,
    machine: Machine,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bounds: Vec<Bound>,
    rows: Vec<Row>,
}

// === impl Report ===

impl Report {
    /// From the measurements of each target, in the order they were asked for.
    pub(crate) fn new(scenario: Scenario, measured: Vec<(TargetKind, Vec<Measurement>)>) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for (target, rounds) in measured {
            let median = medians(&rounds);
            let ratio = ratios(&median, rows.first().map_or(&median, |first| &first.median));
            rows.push(Row {
                target,
                median,
                ratio,
                rounds,
            });
        }
        Self {
            bounds: scenario.bounds(),
            scenario,
            machine: Machine::this(),
            rows,
        }
    }

    /// Whether everything arrived once and in order, and nobody was refused or let go.
    pub(crate) fn is_clean(&self) -> bool {
        self.rows
            .iter()
            .flat_map(|row| &row.rounds)
            .all(Measurement::is_clean)
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let rounds = self.rows.first().map_or(0, |row| row.rounds.len());
        let mut text = format!("{}\n{}\n", self.scenario.describe(), self.machine.line());
        if rounds > 1 {
            text += &format!("medians of {rounds} interleaved rounds; × to the first row\n");
        }
        text += &format!("\n{}\n", table::align(&self.cells()));
        for row in &self.rows {
            for round in row.rounds.iter().filter(|round| !round.steps.is_empty()) {
                text += &format!("\n{}\n", table::align(&steps(round)));
            }
            for line in self
                .bounds
                .iter()
                .filter_map(|bound| bound.line(&row.median))
            {
                text += &format!("\n{}: {line}", row.target);
            }
            for trouble in row.rounds.iter().flat_map(|round| &round.troubles) {
                text += &format!("\n{}: {trouble}", row.target);
            }
        }
        if self.is_clean() {
            text
        } else {
            text + "\nThis run is spoilt: see the columns at the right."
        }
    }

    fn cells(&self) -> Vec<Vec<String>> {
        let metrics: Vec<&Metric> = self
            .rows
            .first()
            .map(|row| row.median.0.iter().map(|(metric, _)| *metric).collect())
            .unwrap_or_default();
        let with_ratio = self.rows.len() > 1;
        let mut head = vec!["target".to_owned()];
        for metric in &metrics {
            head.push(metric.heading.to_owned());
            if metric.compared && with_ratio {
                head.push("×".to_owned());
            }
        }
        head.extend(["lost", "dup.", "order", "stray", "refused", "cut"].map(str::to_owned));
        let rows = self.rows.iter().map(|row| row.cells(&metrics, with_ratio));
        std::iter::once(head).chain(rows).collect()
    }
}

// === impl Row ===

impl Row {
    fn cells(&self, metrics: &[&'static Metric], with_ratio: bool) -> Vec<String> {
        let mut cells = vec![self.target.to_string()];
        for metric in metrics {
            let value = |figures: &Figures, decimals| {
                figures
                    .get(metric)
                    .map_or_else(String::new, |value| table::number(value, decimals))
            };
            cells.push(value(&self.median, metric.decimals));
            if metric.compared && with_ratio {
                cells.push(value(&self.ratio, 2));
            }
        }
        let sum = |of: fn(&Measurement) -> u64| self.rounds.iter().map(of).sum::<u64>().to_string();
        cells.extend([
            sum(|round| round.faults.lost),
            sum(|round| round.faults.duplicated),
            sum(|round| round.faults.out_of_order),
            sum(|round| round.faults.misdelivered),
            sum(|round| round.refused),
            sum(|round| round.disconnected as u64),
        ]);
        cells
    }
}

// === impl Measurement ===

impl Measurement {
    fn is_clean(&self) -> bool {
        self.faults == Faults::default() && self.refused == 0 && self.disconnected == 0
    }
}

/// A line for each try.
fn steps(round: &Measurement) -> Vec<Vec<String>> {
    let first = round.steps.first().into_iter();
    let head = first.flat_map(|step| step.0.iter().map(|(metric, _)| metric.heading.to_owned()));
    let cells = |(metric, value): &(&Metric, f64)| table::number(*value, metric.decimals);
    let lines = round
        .steps
        .iter()
        .map(|step| step.0.iter().map(cells).collect());
    std::iter::once(head.collect()).chain(lines).collect()
}

fn medians(rounds: &[Measurement]) -> Figures {
    let first = rounds
        .first()
        .map(|round| round.figures.0.as_slice())
        .unwrap_or_default();
    Figures(
        first
            .iter()
            .map(|(metric, _)| {
                let values: Vec<f64> = rounds
                    .iter()
                    .filter_map(|round| round.figures.get(metric))
                    .collect();
                (*metric, median(&values))
            })
            .collect(),
    )
}

fn ratios(of: &Figures, to: &Figures) -> Figures {
    let ratio = |(metric, value): &(&'static Metric, f64)| {
        let base = to.get(metric).filter(|base| *base > 0.0)?;
        Some((*metric, value / base))
    };
    Figures(of.0.iter().filter_map(ratio).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use metric::{LATENCY_P99, SERVER_CPU};

    fn measured(cpu: f64, p99: f64) -> Measurement {
        let figures = Figures(vec![(&SERVER_CPU, cpu), (&LATENCY_P99, p99)]);
        Measurement {
            figures,
            ..Measurement::default()
        }
    }

    fn report(second: Vec<Measurement>) -> Report {
        let first = vec![measured(4.0, 10.0), measured(5.0, 0.0), measured(6.0, 0.0)];
        let rows = vec![
            (TargetKind::LimitWrite, first),
            (TargetKind::Native, second),
        ];
        Report::new(Scenario::example(), rows)
    }

    #[test]
    fn rows_are_medians_and_ratios_to_the_first() {
        let report = report(vec![
            measured(4.0, 1.0),
            measured(99.0, 1.0),
            measured(2.0, 1.0),
        ]);
        assert_eq!(report.rows[0].median.get(&SERVER_CPU), Some(5.0));
        assert_eq!(report.rows[1].median.get(&SERVER_CPU), Some(4.0));
        assert_eq!(report.rows[1].ratio.get(&SERVER_CPU), Some(0.8));
        assert_eq!(
            report.rows[1].ratio.get(&LATENCY_P99),
            None,
            "nothing is a multiple of 0"
        );
    }

    #[test]
    fn a_table_names_every_row_and_column() {
        let table = report(vec![measured(4.0, 1.0)]).table();
        for word in ["limit-write", "native", "CPU µs", "×", "0.80", "lost"] {
            assert!(table.contains(word), "{word} in\n{table}");
        }
    }

    #[test]
    fn one_lost_message_spoils_a_report() {
        assert!(report(vec![measured(4.0, 1.0)]).is_clean());
        let mut lossy = measured(4.0, 1.0);
        lossy.faults.lost = 1;
        assert!(!report(vec![lossy]).is_clean());
    }

    #[test]
    fn json_keeps_every_round() -> anyhow::Result<()> {
        let json = serde_json::to_value(report(vec![measured(4.0, 1.0)]))?;
        assert_eq!(json["rows"][0]["rounds"][1]["server_cpu_us"], 5.0);
        assert_eq!(json["rows"][1]["target"], "native");
        assert_eq!(json["rows"][1]["rounds"][0]["lost"], 0);
        assert_eq!(json["scenario"]["name"], "fan-out");
        Ok(())
    }
}
