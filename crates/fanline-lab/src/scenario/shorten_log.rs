//! Redis comes back from its log without what it wrote last.

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fanline_testkit::redis::RedisServer;

use super::{Scenario, single};
use crate::stage::{Ground, Stage};
use crate::workload::Plan;

/// What a run does in about a second.
const ACTS: usize = 200;

/// A second of the log is missing.
pub(super) struct ShortenLog;

#[async_trait]
impl Scenario for ShortenLog {
    fn name(&self) -> &'static str {
        "shorten-log"
    }

    fn about(&self) -> &'static str {
        "Redis is killed and comes back with its log one second short; what it had acknowledged in that second is \
         declared lost, and its numbers are not given again in the same epoch"
    }

    fn plan(&self) -> Plan {
        single::plan()
    }

    async fn ground(&self) -> Result<Ground> {
        single::of(vec![RedisServer::with_log().await?], None).await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let server = single::on(stage)?.servers.first().context("there is one")?;
        let fault = stage.fault(format!("restart of Redis without its last {ACTS} acts"));
        server.restart_without_last(ACTS).await?;
        fault.ends();
        stage.traffic().await;
        stage.workload().cut_some(0.5);
        stage.traffic().await;
        Ok(())
    }
}
