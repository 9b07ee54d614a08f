//! A primary whose wire is cut: it goes on believing that it is one.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use fanline_testkit::network::Side;

use super::{Scenario, wired};
use crate::stage::{Ground, Stage};

/// Longer than an election, and longer than a server waits for any answer.
const CUT_FOR: Duration = Duration::from_secs(15);

/// It is alone.
pub(super) struct CutPrimary;

/// A server is cut off with it, and goes on publishing there.
pub(super) struct CutPrimaryWithNode;

/// The same; then the primary, which holds what only that server published, is made primary again.
pub(super) struct FailOverAndBack;

#[async_trait]
impl Scenario for CutPrimary {
    fn name(&self) -> &'static str {
        "cut-primary"
    }

    fn about(&self) -> &'static str {
        "a primary's wire is cut for 15 s, silently; its replica takes over, and everybody follows it there"
    }

    fn obstacle(&self) -> Option<String> {
        wired::obstacle()
    }

    async fn ground(&self) -> Result<Ground> {
        wired::ground().await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let primary = stage.some_primary().await?;
        let host = wired::host_of_redis(stage, primary)?;
        let fault = stage.fault(format!("cut of the primary {}", host.back()));
        host.cut()?;
        stage.wait(CUT_FOR).await;
        host.heal()?;
        fault.ends();
        stage.cluster().wait_until_settled().await?;
        stage.traffic().await;
        Ok(())
    }
}

#[async_trait]
impl Scenario for CutPrimaryWithNode {
    fn name(&self) -> &'static str {
        "cut-primary-with-node"
    }

    fn about(&self) -> &'static str {
        "a primary and a server that publishes there are cut off together for 15 s; what was acknowledged there \
         alone is declared lost, and nothing that a replica had to have is lost"
    }

    fn obstacle(&self) -> Option<String> {
        wired::obstacle()
    }

    async fn ground(&self) -> Result<Ground> {
        wired::ground().await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        divide(stage).await?;
        stage.traffic().await;
        Ok(())
    }
}

#[async_trait]
impl Scenario for FailOverAndBack {
    fn name(&self) -> &'static str {
        "fail-over-and-back"
    }

    fn about(&self) -> &'static str {
        "after a primary was cut off with a server and its replica took over, it becomes primary again; what it \
         numbered alone may never be taken for what its successor numbered alike"
    }

    fn obstacle(&self) -> Option<String> {
        wired::obstacle()
    }

    async fn ground(&self) -> Result<Ground> {
        wired::ground().await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let primary = divide(stage).await?;
        let fault = stage.fault(format!("and back to {}", stage.cluster().address(primary)));
        stage.cluster().failover_to(primary).await?;
        stage.cluster().wait_until_settled().await?;
        fault.ends();
        stage.traffic().await;
        stage.workload().cut_some(0.5);
        stage.traffic().await;
        Ok(())
    }
}

/// Cuts a primary off with one of the servers, heals the cut, and answers the primary.
async fn divide(stage: &Stage) -> Result<fanline_testkit::redis::Node> {
    let primary = stage.some_primary().await?;
    let node = stage.nodes().some(stage.dice())?;
    let hosts = [
        wired::host_of_redis(stage, primary)?.clone(),
        wired::host_of(stage, &node)?,
    ];
    let address = stage.cluster().address(primary);
    let fault = stage.fault(format!("cut of {address} together with {}", node.name()));
    for host in &hosts {
        host.join(Side::Far)?;
    }
    stage.wait(CUT_FOR).await;
    for host in &hosts {
        host.heal()?;
    }
    fault.ends();
    stage.cluster().wait_until_settled().await?;
    Ok(primary)
}
