//! A log that is trimmed beyond a slow reader, between two of its pages.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;

use super::Scenario;
use crate::log::{Expectation, LostReason, Sight};
use crate::stage::{SHORT_LOG, Stage};
use crate::workload::{Conduct, Plan, SLOW};

/// Large, so that neither the kernel's buffers nor the server's outbox hold what is missing.
const PAD: usize = 60_000;
/// What the reader misses, all of it still kept when it comes back.
const MISSED: usize = SHORT_LOG - 20;
/// How often it comes back.
const ROUNDS: u32 = 2;
/// For what is on its way to a reader to have left the server.
const SETTLES_IN: Duration = Duration::from_secs(2);
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// It stops reading in the middle, and everything that it has not read is trimmed away.
pub(super) struct TrimmedUnderResume;

#[async_trait]
impl Scenario for TrimmedUnderResume {
    fn name(&self) -> &'static str {
        "trimmed-under-resume"
    }

    fn about(&self) -> &'static str {
        "a subscriber that is told kept reads slowly, and the log is trimmed beyond it between two pages; it is told \
         lost, too old, with the head, and never jumps"
    }

    fn plan(&self) -> Plan {
        Plan {
            short: 1,
            ..Plan::default()
        }
    }

    fn expectations(&self) -> Vec<Expectation> {
        vec![Expectation {
            sight: Sight::LostOnTheWay(LostReason::TooOld),
            at_least: 1,
        }]
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let workload = stage.workload();
        let topic = stage.first_tenant()?.short().next().cloned();
        let topic = topic.context("there is a channel with a short log")?;
        for round in 1..=ROUNDS {
            workload.all_live(BACK_WITHIN).await?;
            let fault = stage.fault(format!("a slow resume, number {round}"));
            workload.behave(SLOW, Conduct::Away);
            workload.cut(SLOW);
            workload.publish(&topic, MISSED, PAD).await?;
            workload.behave(SLOW, Conduct::Deaf);
            stage.wait(SETTLES_IN).await;
            workload.publish(&topic, SHORT_LOG, PAD).await?;
            workload.behave(SLOW, Conduct::Usual);
            workload.all_live(BACK_WITHIN).await?;
            fault.ends();
        }
        stage.traffic().await;
        Ok(())
    }
}
