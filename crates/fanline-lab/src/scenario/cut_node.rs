//! A server that its clients reach, and that reaches no Redis.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::{Scenario, wired};
use crate::stage::{Ground, Stage};

/// Longer than the budget of a publish.
const CUT_FOR: Duration = Duration::from_secs(12);

/// Its wire to Redis is cut, that to its clients is not.
pub(super) struct CutNode;

#[async_trait]
impl Scenario for CutNode {
    fn name(&self) -> &'static str {
        "cut-node"
    }

    fn about(&self) -> &'static str {
        "a server is cut off from Redis for 12 s and keeps its clients; it acknowledges nothing that it cannot \
         publish, and catches its subscribers up afterwards"
    }

    fn obstacle(&self) -> Option<String> {
        wired::obstacle()
    }

    async fn ground(&self) -> Result<Ground> {
        wired::ground().await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let node = stage.nodes().some(stage.dice())?;
        let host = wired::host_of(stage, &node)?;
        let fault = stage.fault(format!("cut of {} from Redis", node.name()));
        host.cut()?;
        stage.wait(CUT_FOR).await;
        host.heal()?;
        fault.ends();
        // Who comes back to it now finds a server that is behind.
        stage.workload().cut_some(0.5);
        stage.traffic().await;
        Ok(())
    }
}
