//! Redis forgets, while it goes on serving.

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use super::{Scenario, keys};
use crate::stage::Stage;

/// A shard forgets everything.
pub(super) struct FlushShard;

/// Channels lose their metadata and keep their log.
pub(super) struct LoseMetadata;

#[async_trait]
impl Scenario for FlushShard {
    fn name(&self) -> &'static str {
        "flush-shard"
    }

    fn about(&self) -> &'static str {
        "FLUSHALL on one primary under load; its channels say that their continuity is lost, and work again"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let primary = stage.some_primary().await?;
        let server = stage.cluster().server(primary);
        let fault = stage.fault(format!("FLUSHALL on {}", server.address()));
        let mut connection = server.connect().await?;
        let () = redis::cmd("FLUSHALL").query_async(&mut connection).await?;
        fault.ends();
        stage.workload().cut_some(0.3);
        stage.traffic().await;
        Ok(())
    }
}

#[async_trait]
impl Scenario for LoseMetadata {
    fn name(&self) -> &'static str {
        "lose-metadata"
    }

    fn about(&self) -> &'static str {
        "the metadata of every channel of one shard is gone, their logs are not; the logs are not believed, and the \
         channels say that their continuity is lost"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let primary = stage.some_primary().await?;
        let server = stage.cluster().server(primary);
        let channels = keys::channels_at(server).await?;
        channels.first().context("the shard has channels")?;
        let what = format!("HDEL of the metadata of {} channels", channels.len());
        let fault = stage.fault(what);
        let mut connection = server.connect().await?;
        for channel in channels {
            let mut forget = redis::cmd("HDEL");
            let () = forget
                .arg(channel)
                .arg("m")
                .query_async(&mut connection)
                .await?;
        }
        fault.ends();
        stage.workload().cut_some(0.3);
        stage.traffic().await;
        Ok(())
    }
}
