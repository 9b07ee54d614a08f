//! A primary and its replica change places, as before maintenance.

use anyhow::Result;
use async_trait::async_trait;

use super::Scenario;
use crate::stage::Stage;

/// Each shard in turn.
pub(super) struct PlannedFailover;

#[async_trait]
impl Scenario for PlannedFailover {
    fn name(&self) -> &'static str {
        "planned-failover"
    }

    fn about(&self) -> &'static str {
        "every shard's replica becomes its primary by CLUSTER FAILOVER; nothing is lost, and every channel says forked"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        for slot in stage.a_slot_of_each_shard() {
            let primary = stage.cluster().primary_of(slot).await?;
            let replica = stage.cluster().replica_of(primary).await?;
            let address = stage.cluster().address(replica);
            let fault = stage.fault(format!("planned failover to {address}"));
            stage.cluster().failover_to(replica).await?;
            stage.cluster().wait_until_settled().await?;
            fault.ends();
        }
        stage.traffic().await;
        Ok(())
    }
}
