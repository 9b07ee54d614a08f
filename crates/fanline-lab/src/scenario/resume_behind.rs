//! Resuming at a server that knows less than the client.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use super::{Scenario, single};
use crate::stage::{Ground, Node, Stage};
use crate::workload::Plan;

const ROUNDS: usize = 6;
/// Shorter than Redis or a client takes to give it up.
const FROZEN_FOR: Duration = Duration::from_millis(1_500);
const PAUSE: Duration = Duration::from_millis(500);

/// It just woke, or heals a hole, or hears nothing.
pub(super) struct ResumeBehind;

#[async_trait]
impl Scenario for ResumeBehind {
    fn name(&self) -> &'static str {
        "resume-behind"
    }

    fn about(&self) -> &'static str {
        "all subscribers resume at a server that is behind them: it just woke, or a message is missing there, or its \
         line to Redis is silent; it may let them wait, and must neither tell them a loss nor anything twice"
    }

    fn plan(&self) -> Plan {
        single::plan()
    }

    async fn ground(&self) -> Result<Ground> {
        single::ground().await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let nodes = stage.nodes().of(&stage.first_tenant()?.name);
        for round in 0..ROUNDS {
            let behind = nodes
                .get(round % nodes.len())
                .context("there are servers")?;
            let ahead = nodes
                .get((round + 1) % nodes.len())
                .context("there are two")?;
            gather(stage, ahead).await;
            just_woken(stage, behind).await?;
            gather(stage, ahead).await;
            healing(stage, behind).await?;
            gather(stage, ahead).await;
            silent(stage, behind).await?;
            stage.workload().lead_to(None);
        }
        stage.traffic().await;
        Ok(())
    }
}

/// Everybody is at this server, and goes on there for a while.
async fn gather(stage: &Stage, node: &Arc<Node>) {
    stage.workload().lead_to(Some(node));
    stage.workload().cut_some(1.0);
    stage.wait(PAUSE).await;
}

async fn just_woken(stage: &Stage, node: &Arc<Node>) -> Result<()> {
    let fault = stage.fault(format!("resumes at {}, which wakes", node.name()));
    node.freeze()?;
    stage.wait(FROZEN_FOR).await;
    stage.workload().lead_to(Some(node));
    node.thaw()?;
    stage.workload().cut_some(1.0);
    stage.wait(PAUSE).await;
    fault.ends();
    Ok(())
}

async fn healing(stage: &Stage, node: &Arc<Node>) -> Result<()> {
    let fault = stage.fault(format!("resumes at {}, which lacks messages", node.name()));
    let proxy = single::proxy_of(stage, node)?;
    (1..=20).for_each(|number| proxy.drop_message(number));
    stage.workload().lead_to(Some(node));
    stage.workload().cut_some(1.0);
    stage.wait(PAUSE).await;
    fault.ends();
    Ok(())
}

async fn silent(stage: &Stage, node: &Arc<Node>) -> Result<()> {
    let fault = stage.fault(format!("resumes at {}, which hears nothing", node.name()));
    let proxy = single::proxy_of(stage, node)?;
    proxy.hold();
    stage.wait(PAUSE).await;
    stage.workload().lead_to(Some(node));
    stage.workload().cut_some(1.0);
    stage.wait(PAUSE).await;
    proxy.let_go();
    stage.wait(PAUSE).await;
    fault.ends();
    Ok(())
}
