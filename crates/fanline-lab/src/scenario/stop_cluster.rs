//! The whole of Redis is gone for a while.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::Scenario;
use crate::stage::Stage;

const STOPPED_FOR: Duration = Duration::from_secs(30);

/// Every server is silent, and knows everything afterwards.
pub(super) struct StopCluster;

/// Every server dies and comes back with nothing.
pub(super) struct EmptyCluster;

#[async_trait]
impl Scenario for StopCluster {
    fn name(&self) -> &'static str {
        "stop-cluster"
    }

    fn about(&self) -> &'static str {
        "all six Redis servers are stopped for 30 s; nothing is acknowledged meanwhile, nobody is disconnected, and \
         nothing is lost"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let cluster = stage.cluster();
        let fault = stage.fault("SIGSTOP of every Redis server");
        for node in cluster.nodes() {
            cluster.server(node).freeze()?;
        }
        stage.wait(STOPPED_FOR).await;
        for node in cluster.nodes() {
            cluster.server(node).thaw()?;
        }
        cluster.wait_until_settled().await?;
        fault.ends();
        stage.traffic().await;
        Ok(())
    }
}

#[async_trait]
impl Scenario for EmptyCluster {
    fn name(&self) -> &'static str {
        "empty-cluster"
    }

    fn about(&self) -> &'static str {
        "all six Redis servers are killed and come back empty; every channel says that its continuity is lost, and \
         works again"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let cluster = stage.cluster();
        let fault = stage.fault("kill -9 of every Redis server");
        for node in cluster.nodes() {
            cluster.server(node).kill();
        }
        for node in cluster.nodes() {
            cluster.server(node).restart().await?;
        }
        cluster.wait_until_settled().await?;
        fault.ends();
        stage.traffic().await;
        Ok(())
    }
}
