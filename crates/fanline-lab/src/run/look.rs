//! Looks at the servers' metrics while a scenario acts, where one of its limits is about them.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::http::Http;
use crate::log::{Event, Measure, Recorder};
use crate::scenario::Scenario;
use crate::stage::{Node, Stage};

const PACE: Duration = Duration::from_millis(50);
const PREFIX: &str = "fanline_";
/// What is written down of them.
const LOOKED_AT: [&str; 3] = [
    "degraded",
    "redis_channels_followed",
    "redis_channels_subscribed",
];

/// Looks until it is dropped.
pub(super) async fn at_metrics(
    scenario: &dyn Scenario,
    stage: &Stage,
    http: &Http,
    recorder: &Recorder,
) -> Infallible {
    let limits = scenario.limits();
    if !limits.iter().any(|limit| limit.measure == Measure::Notice) {
        return std::future::pending().await;
    }
    let mut ticks = tokio::time::interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = HashMap::new();
    loop {
        ticks.tick().await;
        for node in stage.nodes().all() {
            let Some(values) = values(http, node).await else {
                continue;
            };
            let before = last.insert(node.name().to_owned(), values.clone());
            if before.as_ref() != Some(&values) {
                recorder.record(Event::Metrics {
                    node: node.name().to_owned(),
                    values,
                });
            }
        }
    }
}

/// Nothing of a server that does not answer.
async fn values(http: &Http, node: &Node) -> Option<BTreeMap<String, u64>> {
    let url = format!("{}/metrics", node.ops_url());
    let answer = http.send("GET", &url, "", &[], None).await.ok()?;
    let value = |line: &str| {
        let (name, value) = line.strip_prefix(PREFIX)?.split_once(' ')?;
        let is_looked_at = LOOKED_AT.contains(&name);
        is_looked_at.then_some((name.to_owned(), value.trim().parse().ok()?))
    };
    Some(answer.text.lines().filter_map(value).collect())
}
