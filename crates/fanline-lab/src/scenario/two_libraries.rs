//! Two versions of the server on one Redis, and servers that change from one to the other.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use async_trait::async_trait;

use super::{Scenario, keys};
use crate::stage::Stage;

/// Every server is replaced by the other version, twice.
pub(super) struct TwoLibraries;

#[async_trait]
impl Scenario for TwoLibraries {
    fn name(&self) -> &'static str {
        "two-libraries"
    }

    fn about(&self) -> &'static str {
        "servers of two versions, each with a function library of its own, publish to the same channels, and one after \
         the other is replaced by the other version; nothing is lost and no epoch changes"
    }

    fn needs_two_programs(&self) -> bool {
        true
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        both_are_loaded(stage).await?;
        let nodes = stage.nodes().of(&stage.first_tenant()?.name);
        let programs: Vec<PathBuf> = nodes.iter().map(|node| node.program()).collect();
        let others = programs.iter().cycle().skip(1);
        for (node, other) in nodes.iter().zip(others.clone()) {
            let fault = stage.fault(format!("{} becomes another version", node.name()));
            node.stop().await?;
            node.replace_program(other.clone());
            node.restart().await?;
            fault.ends();
            stage.traffic().await;
        }
        stage.workload().cut_some(0.5);
        for (node, program) in nodes.iter().zip(&programs) {
            let fault = stage.fault(format!(
                "kill -9 of {}, and its former version",
                node.name()
            ));
            node.kill();
            node.replace_program(program.clone());
            node.restart().await?;
            fault.ends();
        }
        stage.traffic().await;
        Ok(())
    }
}

/// Or the run would test something else.
async fn both_are_loaded(stage: &Stage) -> Result<()> {
    for primary in keys::primaries(stage).await? {
        let server = stage.cluster().server(primary);
        let names = keys::libraries(server).await?;
        let at = server.address();
        ensure!(names.len() > 1, "only {names:?} is loaded at {at}");
        stage.note(format!("{at} has loaded {}", names.join(" and ")));
    }
    Ok(())
}
