//! A primary dies without a word.

use anyhow::Result;
use async_trait::async_trait;

use super::Scenario;
use crate::stage::Stage;

/// It dies while everybody publishes.
pub(super) struct KillPrimary;

/// It dies, and nobody publishes any more.
pub(super) struct KillPrimaryThenQuiet;

#[async_trait]
impl Scenario for KillPrimary {
    fn name(&self) -> &'static str {
        "kill-primary"
    }

    fn about(&self) -> &'static str {
        "a primary is killed under load and comes back empty as a replica; what it had acknowledged alone is declared lost"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let primary = stage.some_primary().await?;
        let (server, address) = (
            stage.cluster().server(primary),
            stage.cluster().address(primary),
        );
        let fault = stage.fault(format!("kill -9 of the primary {address}"));
        server.kill();
        stage.cluster().wait_until_settled().await?;
        fault.ends();
        stage.traffic().await;
        // Without it nothing that waits for a replica would be acknowledged any more.
        server.restart().await?;
        stage.cluster().wait_until_settled().await?;
        stage.note(format!("{address} is back, as a replica"));
        stage.traffic().await;
        Ok(())
    }
}

#[async_trait]
impl Scenario for KillPrimaryThenQuiet {
    fn name(&self) -> &'static str {
        "kill-primary-then-quiet"
    }

    fn about(&self) -> &'static str {
        "a primary is killed and nobody publishes afterwards; whoever comes back one message short must not hear kept"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let publishing = stage.workload().publishing();
        let primary = stage.some_primary().await?;
        // The publishers stop with the server: their last answers are those that nobody repeats.
        let fault = stage.fault(format!(
            "kill -9 of the primary {}",
            stage.cluster().address(primary)
        ));
        stage.cluster().server(primary).kill();
        publishing.stop();
        stage.workload().cut_some(0.5);
        stage.cluster().wait_until_settled().await?;
        fault.ends();
        stage.traffic().await;
        stage.workload().cut_some(0.5);
        Ok(())
    }
}
