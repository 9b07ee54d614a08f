//! One session resumed on two lines at once.

use anyhow::Result;
use async_trait::async_trait;

use super::Scenario;
use crate::log::{Expectation, Sight};
use crate::stage::Stage;
use crate::workload::{Plan, TWINS};

const PAIRS: usize = 6;
const ROUNDS: u32 = 10;

/// By clients with one connection key, and by members who enter twice.
pub(super) struct ResumeTwice;

#[async_trait]
impl Scenario for ResumeTwice {
    fn name(&self) -> &'static str {
        "resume-twice"
    }

    fn about(&self) -> &'static str {
        "pairs of clients resume at the same moment with one connection key, and members enter through two servers \
         at once; both clients hear everything, nobody is cut, and who left twice was there twice"
    }

    fn plan(&self) -> Plan {
        Plan {
            twins: PAIRS,
            enter_twice: true,
            ..Plan::default()
        }
    }

    fn expectations(&self) -> Vec<Expectation> {
        vec![Expectation {
            sight: Sight::SharedConnection,
            at_least: PAIRS * 5,
        }]
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let fault = stage.fault(format!("{ROUNDS} resumes of {PAIRS} sessions, twice each"));
        for _ in 0..ROUNDS {
            stage.workload().cut(TWINS);
            stage.wait(std::time::Duration::from_secs(1)).await;
        }
        fault.ends();
        stage.traffic().await;
        Ok(())
    }
}
