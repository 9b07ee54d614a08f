//! Connections that stay open and carry nothing.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use fanline_testkit::redis::RedisServer;

use super::{Scenario, single};
use crate::stage::{Ground, Stage};
use crate::workload::Plan;

const SILENT_FOR: Duration = Duration::from_secs(10);

/// Between Redis and one server.
pub(super) struct SilenceRedis;

/// Redis is replaced behind its name; its predecessor stays silent for ever.
pub(super) struct ReplacePrimary;

#[async_trait]
impl Scenario for SilenceRedis {
    fn name(&self) -> &'static str {
        "silence-redis"
    }

    fn about(&self) -> &'static str {
        "the connections between one server and Redis are silent for 10 s and then go on, with what waited in them; \
         it is heard once, in order"
    }

    fn plan(&self) -> Plan {
        single::plan()
    }

    async fn ground(&self) -> Result<Ground> {
        single::ground().await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let node = stage.nodes().some(stage.dice())?;
        let proxy = single::proxy_of(stage, &node)?;
        for pause in [Duration::from_millis(1_500), SILENT_FOR] {
            let fault = stage.fault(format!(
                "silence of Redis for {} for {pause:?}",
                node.name()
            ));
            proxy.hold();
            stage.wait(pause).await;
            proxy.let_go();
            fault.ends();
            stage.workload().cut_some(0.3);
            stage.traffic().await;
        }
        Ok(())
    }
}

#[async_trait]
impl Scenario for ReplacePrimary {
    fn name(&self) -> &'static str {
        "replace-primary"
    }

    fn about(&self) -> &'static str {
        "a Redis without a cluster is replaced by its replica behind its host name, while connections to the old one \
         stay open and silent; the servers move over, and the channels say forked"
    }

    fn plan(&self) -> Plan {
        single::plan()
    }

    async fn ground(&self) -> Result<Ground> {
        let servers = vec![RedisServer::start().await?, RedisServer::start().await?];
        let [old, new] = servers.as_slice() else {
            anyhow::bail!("there are two");
        };
        new.follow(old).await?;
        single::of(servers, None).await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let single = single::on(stage)?;
        let new = single.servers.last();
        let new = new.ok_or_else(|| anyhow::anyhow!("there is a successor"))?;
        let fault = stage.fault(format!("replacement by {}", new.address()));
        for proxy in &single.proxies {
            proxy.replace(new.address());
        }
        new.follow_nobody().await?;
        stage.traffic().await;
        fault.ends();
        stage.workload().cut_some(0.5);
        stage.traffic().await;
        Ok(())
    }
}
