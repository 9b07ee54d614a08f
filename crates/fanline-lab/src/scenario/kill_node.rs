//! A server dies with everybody who was connected to it.

use anyhow::Result;
use async_trait::async_trait;

use super::Scenario;
use crate::stage::Stage;

/// Its subscribers go to the others.
pub(super) struct KillNode;

#[async_trait]
impl Scenario for KillNode {
    fn name(&self) -> &'static str {
        "kill-node"
    }

    fn about(&self) -> &'static str {
        "a server is killed under load; its subscribers resume on another one and must hear kept, with nothing missing"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let node = stage.nodes().some(stage.dice())?;
        let fault = stage.fault(format!("kill -9 of the server {}", node.name()));
        node.kill();
        stage.traffic().await;
        node.restart().await?;
        fault.ends();
        stage.traffic().await;
        Ok(())
    }
}
