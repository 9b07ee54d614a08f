//! A primary that lost its replica before it dies.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::{Scenario, wired};
use crate::stage::{Ground, Stage};

/// Long enough for many publishes, short enough for the replica to be elected afterwards.
const BEHIND_FOR: Duration = Duration::from_secs(5);

/// The two are cut from each other only; then the primary is killed, and the replica takes over as it is.
pub(super) struct CutReplica;

#[async_trait]
impl Scenario for CutReplica {
    fn name(&self) -> &'static str {
        "cut-replica"
    }

    fn about(&self) -> &'static str {
        "a replica is cut from its primary for 5 s and then takes over; what had to be on a replica was refused \
         meanwhile and is not lost, what had not is declared lost"
    }

    fn obstacle(&self) -> Option<String> {
        wired::obstacle()
    }

    async fn ground(&self) -> Result<Ground> {
        wired::ground().await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let cluster = stage.cluster();
        let primary = stage.some_primary().await?;
        let replica = cluster.replica_of(primary).await?;
        let (one, other) = (
            wired::host_of_redis(stage, primary)?,
            wired::host_of_redis(stage, replica)?,
        );
        let what = format!("cut between {} and its replica", one.back());
        let cut = stage.fault(what);
        one.cut_from(other)?;
        stage.wait(BEHIND_FOR).await;
        let kill = stage.fault(format!("kill -9 of the primary {}", one.back()));
        cluster.server(primary).kill();
        one.heal_with(other)?;
        cut.ends();
        cluster.wait_until_settled().await?;
        stage.traffic().await;
        cluster.server(primary).restart().await?;
        cluster.wait_until_settled().await?;
        kill.ends();
        stage.traffic().await;
        Ok(())
    }
}
