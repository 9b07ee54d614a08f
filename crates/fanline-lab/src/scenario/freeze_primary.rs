//! A primary that neither answers nor closes anything.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;

use super::Scenario;
use crate::log::{Limit, Measure};
use crate::stage::Stage;

/// Longer than the cluster's patience, so that the replica is elected while it is silent.
const SILENT_FOR: Duration = Duration::from_secs(9);
const SIGSTOP: &str = "SIGSTOP";

/// It is stopped, its replica takes over, and it wakes as a replica that believed itself a primary.
pub(super) struct FreezePrimary;

#[async_trait]
impl Scenario for FreezePrimary {
    fn name(&self) -> &'static str {
        "freeze-primary"
    }

    fn about(&self) -> &'static str {
        "a primary is stopped for 9 s and wakes; every server notices its silence within 3 s, by its own metrics, and \
         nothing that it numbers afterwards may be acknowledged as kept"
    }

    fn limits(&self) -> Vec<Limit> {
        vec![Limit {
            measure: Measure::Notice,
            during: SIGSTOP.to_owned(),
            at_most_ms: 3_000,
        }]
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let primary = stage.some_primary().await?;
        let server = stage.cluster().server(primary);
        let fault = stage.fault(format!(
            "{SIGSTOP} of the primary {}",
            stage.cluster().address(primary)
        ));
        server.freeze()?;
        stage.wait(SILENT_FOR).await;
        server.thaw()?;
        fault.ends();
        stage.cluster().wait_until_settled().await?;
        stage.traffic().await;
        Ok(())
    }
}
