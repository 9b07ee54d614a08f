//! A slot that changes its primary under load.

use anyhow::Result;
use async_trait::async_trait;

use super::{Scenario, keys};
use crate::log::{Limit, Measure};
use crate::stage::Stage;
use crate::workload::Plan;

/// At once.
pub(super) struct MoveSlot;

/// It stays half moved for a while.
pub(super) struct HalfMovedSlot;

const HALF: &str = "half";

/// Enough channels for a slot that has several, and somebody at each of them.
fn crowded() -> Plan {
    Plan {
        acked: 60,
        topics_each: 20,
        ..Plan::default()
    }
}

#[async_trait]
impl Scenario for MoveSlot {
    fn name(&self) -> &'static str {
        "move-slot"
    }

    fn about(&self) -> &'static str {
        "the slot with the most channels moves to another primary under load; nothing is lost, and its channels \
         say forked"
    }

    fn plan(&self) -> Plan {
        crowded()
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let (slot, count) = keys::busiest_slot(stage).await?;
        let to = keys::another_primary(stage, slot).await?;
        let fault = stage.fault(format!("move of slot {slot} with {count} channels"));
        stage.cluster().move_slot(slot, to).await?;
        fault.ends();
        stage.traffic().await;
        Ok(())
    }
}

#[async_trait]
impl Scenario for HalfMovedSlot {
    fn name(&self) -> &'static str {
        "half-moved-slot"
    }

    fn about(&self) -> &'static str {
        "half the keys of a slot have moved, and everybody publishes to old and new channels of it meanwhile; \
         no subscriber misses any, and no publish takes more than a second"
    }

    fn limits(&self) -> Vec<Limit> {
        vec![Limit {
            measure: Measure::Answer,
            during: HALF.to_owned(),
            at_most_ms: 1_000,
        }]
    }

    fn plan(&self) -> Plan {
        crowded()
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let (slot, count) = keys::busiest_slot(stage).await?;
        let to = keys::another_primary(stage, slot).await?;
        let fault = stage.fault(format!("{HALF} of slot {slot} with {count} channels"));
        let moving = stage.cluster().begin_moving_slot(slot, to).await?;
        moving.carry_half().await?;
        stage.traffic().await;
        stage.workload().cut_some(0.5);
        stage.traffic().await;
        moving.finish().await?;
        fault.ends();
        stage.traffic().await;
        Ok(())
    }
}
