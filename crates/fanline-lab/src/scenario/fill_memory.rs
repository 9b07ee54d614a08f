//! Redis is full.

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use redis::InfoDict;

use super::{Scenario, keys};
use crate::stage::Stage;

/// `maxmemory` is below what is used, and nothing may be evicted.
pub(super) struct FillMemory;

#[async_trait]
impl Scenario for FillMemory {
    fn name(&self) -> &'static str {
        "fill-memory"
    }

    fn about(&self) -> &'static str {
        "every primary has reached maxmemory with noeviction; publishes are refused loudly, resumes and reads go on, \
         and publishing goes on when there is room again"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let primaries = keys::primaries(stage).await?;
        let fault = stage.fault("maxmemory below what is used, on every primary");
        for primary in &primaries {
            let server = stage.cluster().server(*primary);
            let mut connection = server.connect().await?;
            let memory: InfoDict = redis::cmd("INFO")
                .arg("memory")
                .query_async(&mut connection)
                .await?;
            let used: u64 = memory.get("used_memory").context("it knows its memory")?;
            keys::configure(server, "maxmemory", &(used / 2).to_string()).await?;
        }
        stage.wait(std::time::Duration::from_secs(2)).await;
        stage.workload().cut_some(0.7);
        stage.traffic().await;
        for primary in &primaries {
            keys::configure(stage.cluster().server(*primary), "maxmemory", "0").await?;
        }
        fault.ends();
        stage.traffic().await;
        Ok(())
    }
}
