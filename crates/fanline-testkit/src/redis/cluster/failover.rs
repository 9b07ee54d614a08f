//! A planned change of primary, as an operator does it before maintenance.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::timeout;

use super::{Node, RedisCluster};
use crate::redis::wait;

/// Longer than Redis itself pursues a planned failover (five seconds).
const ASK_AGAIN: Duration = Duration::from_secs(6);

impl RedisCluster {
    /// Makes a replica the primary, by `CLUSTER FAILOVER`, and waits until it takes itself for it. The
    /// others hear of it a moment later: [`RedisCluster::wait_until_settled`]. A second one of the same
    /// shard within four seconds takes longer, since the voters refuse it at first.
    pub async fn failover_to(&self, replica: Node) -> Result<()> {
        let became_primary = || self.try_failover_to(replica);
        wait::until("a planned failover succeeds", became_primary).await
    }

    async fn try_failover_to(&self, replica: Node) -> Result<()> {
        let is_primary = || self.must_be_primary(replica);
        if is_primary().await.is_ok() {
            return Ok(());
        }
        self.ask::<()>(replica, redis::cmd("CLUSTER").arg("FAILOVER"))
            .await?;
        timeout(ASK_AGAIN, wait::until("it is primary", is_primary)).await?
    }

    async fn must_be_primary(&self, node: Node) -> Result<()> {
        ensure!(
            self.view(node).await?.own()?.follows.is_none(),
            "{} is a replica",
            self.address(node)
        );
        Ok(())
    }
}
