//! A server that stands still and wakes.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::{Scenario, keys};
use crate::stage::Stage;
use crate::workload::Plan;

/// Longer than any time-out between it and Redis.
const FROZEN_FOR: Duration = Duration::from_secs(30);
/// Long enough for Redis to give it up.
const OVERFLOWING_FOR: Duration = Duration::from_secs(8);
/// What Redis holds for a subscriber: at most, and for how many seconds how much.
const SMALL_BUFFER: &str = "pubsub 32768 16384 1";
/// Redis's own default.
const USUAL_BUFFER: &str = "pubsub 33554432 8388608 60";

/// For half a minute.
pub(super) struct FreezeNode;

/// Until Redis's buffer for it overflows, and Redis cuts it off.
pub(super) struct OverflowNode;

#[async_trait]
impl Scenario for FreezeNode {
    fn name(&self) -> &'static str {
        "freeze-node"
    }

    fn about(&self) -> &'static str {
        "a server is stopped for 30 s and wakes; whoever resumes there at once may be ahead of it, and must neither \
         be told a loss nor hear anything twice"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let node = stage.nodes().some(stage.dice())?;
        let fault = stage.fault(format!("SIGSTOP of the server {}", node.name()));
        node.freeze()?;
        stage.wait(FROZEN_FOR).await;
        node.thaw()?;
        fault.ends();
        cut_often(stage).await;
        stage.traffic().await;
        Ok(())
    }
}

#[async_trait]
impl Scenario for OverflowNode {
    fn name(&self) -> &'static str {
        "overflow-node"
    }

    fn about(&self) -> &'static str {
        "a server is stopped until Redis's output buffers for it overflow and Redis closes its connections; it reads \
         the rest from the log when it wakes"
    }

    fn plan(&self) -> Plan {
        Plan {
            // The kernel's own buffers are filled first.
            publishes_per_second: 500,
            ..Plan::default()
        }
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let cluster = stage.cluster();
        keys::configure_all(cluster, "client-output-buffer-limit", SMALL_BUFFER).await?;
        let node = stage.nodes().some(stage.dice())?;
        let fault = stage.fault(format!(
            "SIGSTOP of {} with small output buffers",
            node.name()
        ));
        node.freeze()?;
        stage.wait(OVERFLOWING_FOR).await;
        node.thaw()?;
        cut_often(stage).await;
        keys::configure_all(cluster, "client-output-buffer-limit", USUAL_BUFFER).await?;
        fault.ends();
        stage.traffic().await;
        Ok(())
    }
}

/// Subscribers come and go while a server wakes.
async fn cut_often(stage: &Stage) {
    for _ in 0..10 {
        stage.workload().cut_some(0.3);
        stage.wait(Duration::from_millis(200)).await;
    }
}
