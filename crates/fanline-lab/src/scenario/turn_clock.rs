//! A wall clock that jumps.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use fanline_testkit::redis::{RedisServer, WallClock};

use super::{Scenario, single};
use crate::stage::{Ground, Stage};
use crate::workload::Plan;

const HOUR: Duration = Duration::from_secs(3_600);

/// Redis's clock jumps an hour ahead, two back, and one ahead.
pub(super) struct TurnClock;

#[async_trait]
impl Scenario for TurnClock {
    fn name(&self) -> &'static str {
        "turn-clock"
    }

    fn about(&self) -> &'static str {
        "Redis's wall clock jumps an hour ahead, two hours back and to the right time; history may be gone earlier \
         and is then declared so, numbers go on, and no id is published twice"
    }

    fn obstacle(&self) -> Option<String> {
        WallClock::obstacle()
    }

    fn plan(&self) -> Plan {
        single::plan()
    }

    async fn ground(&self) -> Result<Ground> {
        let (server, clock) = RedisServer::with_movable_clock().await?;
        single::of(vec![server], Some(clock)).await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let clock = single::on(stage)?
            .clock
            .as_ref()
            .context("it can be moved")?;
        let fault = stage.fault("Redis's clock an hour ahead");
        clock.advance(HOUR).await?;
        stage.traffic().await;
        fault.ends();
        let fault = stage.fault("Redis's clock two hours back");
        clock.turn_back(2 * HOUR).await?;
        stage.workload().cut_some(0.5);
        stage.traffic().await;
        fault.ends();
        let fault = stage.fault("Redis's clock right again");
        clock.advance(HOUR).await?;
        stage.workload().cut_some(0.5);
        stage.traffic().await;
        fault.ends();
        Ok(())
    }
}
