//! Redis publishes, and a message gets lost on its way to a server.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::{Scenario, single};
use crate::log::{Limit, Measure};
use crate::stage::{Ground, Stage};
use crate::workload::Plan;

const THE_LAST: &str = "the last";

/// Messages now and then, and then the last ones of every channel.
pub(super) struct DropMessages;

#[async_trait]
impl Scenario for DropMessages {
    fn name(&self) -> &'static str {
        "drop-messages"
    }

    fn about(&self) -> &'static str {
        "single messages are lost between Redis and the servers, with and without one that follows; every hole is \
         healed, a lost last message within 5 s, and no subscriber is told a loss"
    }

    fn limits(&self) -> Vec<Limit> {
        vec![Limit {
            measure: Measure::Arrival,
            during: THE_LAST.to_owned(),
            at_most_ms: 5_000,
        }]
    }

    fn plan(&self) -> Plan {
        single::plan()
    }

    async fn ground(&self) -> Result<Ground> {
        single::ground().await
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let fault = stage.fault("every twentieth message of every server is dropped");
        let until = tokio::time::Instant::now() + Duration::from_secs(5);
        while tokio::time::Instant::now() < until {
            for proxy in &single::on(stage)?.proxies {
                proxy.drop_message(20);
            }
            stage.wait(Duration::from_millis(100)).await;
        }
        fault.ends();
        stage.traffic().await;
        let fault = stage.fault(format!("{THE_LAST} messages of all are dropped"));
        for proxy in &single::on(stage)?.proxies {
            (1..=10_000).for_each(|number| proxy.drop_message(number));
        }
        stage.wait(Duration::from_millis(500)).await;
        stage.workload().publishing().stop();
        // Long enough for what is under way, and for the comparison of heads that finds it.
        stage.wait(Duration::from_secs(6)).await;
        fault.ends();
        let dropped: u64 = single::on(stage)?
            .proxies
            .iter()
            .map(|proxy| proxy.dropped())
            .sum();
        stage.note(format!("{dropped} messages were dropped"));
        Ok(())
    }
}
