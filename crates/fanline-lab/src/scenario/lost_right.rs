//! Resuming with a token that covers less.

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use super::Scenario;
use crate::log::{Expectation, Sight, Topic};
use crate::stage::Stage;
use crate::workload::Plan;

/// Channels that a token opens.
const GUARDED: usize = 6;
/// Of these, how many it covers no longer.
const TAKEN: usize = 2;

/// Some channels are refused, and the others go on.
pub(super) struct LostRight;

#[async_trait]
impl Scenario for LostRight {
    fn name(&self) -> &'static str {
        "lost-right"
    }

    fn about(&self) -> &'static str {
        "everybody resumes with a token that no longer covers some of their channels; these are refused with a reason \
         and say nothing more, and the others go on with nothing missing"
    }

    fn plan(&self) -> Plan {
        Plan {
            acked: 4,
            replicated: 2,
            guarded: GUARDED,
            topics_each: 4,
            ..Plan::default()
        }
    }

    fn expectations(&self) -> Vec<Expectation> {
        vec![Expectation {
            sight: Sight::RightRefused,
            at_least: TAKEN,
        }]
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let tenant = stage.first_tenant()?;
        let taken: Vec<Topic> = tenant.guarded().take(TAKEN).cloned().collect();
        let node = stage.nodes().all().first().context("there are servers")?;
        let names: Vec<_> = taken.iter().map(|topic| topic.channel.as_str()).collect();
        let fault = stage.fault(format!("tokens without {}", names.join(" and ")));
        stage.workload().take_right(node, &taken).await?;
        stage.workload().cut_some(1.0);
        stage.traffic().await;
        stage.workload().cut_some(0.5);
        fault.ends();
        stage.traffic().await;
        Ok(())
    }
}
