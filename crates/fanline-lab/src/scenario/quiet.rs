//! No fault: what the others are held against.

use anyhow::Result;
use async_trait::async_trait;

use super::Scenario;
use crate::stage::Stage;

/// Nothing happens.
pub(super) struct Quiet;

#[async_trait]
impl Scenario for Quiet {
    fn name(&self) -> &'static str {
        "quiet"
    }

    fn about(&self) -> &'static str {
        "no fault at all; whatever is found here is found in every other scenario too"
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        Ok(())
    }
}
