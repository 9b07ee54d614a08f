//! A server dies with thousands of clients, who all come back at once.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use super::Scenario;
use crate::log::{Limit, Measure};
use crate::stage::Stage;
use crate::workload::Plan;

const CLIENTS: usize = 5_000;
/// Fifty clients to a channel.
const CHANNELS: usize = 100;
/// For all of them to connect to one server.
const LIVE_WITHIN: Duration = Duration::from_secs(120);
const KILL: &str = "kill -9";

/// They find the other server, with their positions.
pub(super) struct KillNodeWithMany;

#[async_trait]
impl Scenario for KillNodeWithMany {
    fn name(&self) -> &'static str {
        "kill-node-with-many"
    }

    fn about(&self) -> &'static str {
        "a server with 5,000 clients is killed under load; all resume on another one with nothing missing, and 99 of 100 \
         have caught up within 5 s"
    }

    fn plan(&self) -> Plan {
        Plan {
            acked: CHANNELS,
            replicated: 0,
            publishes_per_second: 20,
            crowd: CLIENTS,
            ..Plan::default()
        }
    }

    fn limits(&self) -> Vec<Limit> {
        vec![Limit {
            measure: Measure::Return,
            during: KILL.to_owned(),
            at_most_ms: 5_000,
        }]
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        let workload = stage.workload();
        workload.all_live(LIVE_WITHIN).await?;
        stage.note(format!("{CLIENTS} clients are live"));
        stage.traffic().await;
        let node = stage.nodes().all().first().context("there are servers")?;
        let fault = stage.fault(format!("{KILL} of the server {}", node.name()));
        workload.lead_to(None);
        node.kill();
        stage.traffic().await;
        workload.all_live(LIVE_WITHIN).await?;
        fault.ends();
        node.restart().await?;
        stage.traffic().await;
        Ok(())
    }
}
