//! Waiting until all is quiet: every subscriber stands live at the head of its channels, and the rosters show
//! exactly those who are there.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use super::audit::head;
use crate::http::Http;
use crate::log::{Event, Recorder};
use crate::stage::Stage;

/// Every interruption must have ended by then: twice the longest silence that a client waits out, and the
/// longest that a channel's head may go uncompared.
const WITHIN: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits. What is not quiet at the deadline is written into the timeline, for the checker to find.
pub(super) async fn wait(stage: &Stage, http: &Http) {
    let deadline = Instant::now() + WITHIN;
    loop {
        let missing = match missing(stage, http).await {
            Ok(missing) if missing.is_empty() => return,
            Ok(missing) => missing,
            Err(error) => vec![format!("{error:#}")],
        };
        if Instant::now() >= deadline {
            for why in missing {
                stage.timeline.record(Event::NotQuiet { why });
            }
            return;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What is not quiet yet, in words.
async fn missing(stage: &Stage, http: &Http) -> Result<Vec<String>> {
    let board = stage.workload.board();
    let mut missing = Vec::new();
    for tenant in stage.nodes.tenants() {
        for topic in &stage.topics(tenant) {
            let head = head(stage, http, tenant, topic).await?;
            missing.extend(board.behind(topic, head.as_ref()));
        }
    }
    let rolls = stage.workload.rolls();
    for topic in rolls.topics() {
        // Looks are not written down: the auditor's last one is.
        let there = rolls
            .call(topic, &Recorder::none())
            .await
            .context("no roster")?;
        let there: BTreeSet<String> = there
            .into_iter()
            .map(|entry| format!("{} {}", entry.member, entry.connection))
            .collect();
        let expected = board.present(topic);
        if there != expected {
            missing.push(format!(
                "the roster of {topic} shows {there:?}, there are {expected:?}"
            ));
        }
    }
    Ok(missing)
}
