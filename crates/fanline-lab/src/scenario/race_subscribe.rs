//! Subscribing and publishing at the same moment.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::Scenario;
use crate::stage::Stage;
use crate::workload::Plan;

/// How often everybody comes back.
const ROUNDS: u32 = 40;

/// Everybody comes back again and again while everybody publishes.
pub(super) struct RaceSubscribe;

#[async_trait]
impl Scenario for RaceSubscribe {
    fn name(&self) -> &'static str {
        "race-subscribe"
    }

    fn about(&self) -> &'static str {
        "all subscribers are cut again and again, so that more than a thousand subscriptions race with publishes; \
         every one hears each message once"
    }

    fn plan(&self) -> Plan {
        Plan {
            acked: 4,
            replicated: 0,
            publishes_per_second: 400,
            ..Plan::default()
        }
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let fault = stage.fault(format!("{ROUNDS} cuts of all subscribers"));
        for _ in 0..ROUNDS {
            stage.workload().cut_some(1.0);
            let pause = (Duration::from_millis(50), Duration::from_millis(600));
            stage.wait(stage.dice().between(pause.0, pause.1)).await;
        }
        fault.ends();
        stage.traffic().await;
        Ok(())
    }
}
