//! `fanline doctor`.

mod machine;
mod report;

use std::path::PathBuf;

use clap::Args;

use super::{Output, client_runtime};
use crate::{
    config::{self, Config},
    wire::redis::{self, Finding, Verdict},
};

use report::Report;

/// Say what is wrong with an installation, and what to do about it
///
/// Looks at this machine, and at every Redis server of the configuration and of its cluster. Nothing is changed
/// in Redis. Fails if any check has failed.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The configuration; without it, the defaults and the environment
    #[arg(long, env = "FANLINE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// For whom to write
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

// === impl Doctor ===

impl Doctor {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = super::config::load(self.config.as_deref())?;
        let report = Report(client_runtime()?.block_on(examine(&config)));
        report.write(self.output)?;
        match report.count(Verdict::Failed) {
            0 => Ok(()),
            1 => anyhow::bail!("one check has failed"),
            failed => anyhow::bail!("{failed} checks have failed"),
        }
    }
}

async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = machine::examine(config).await;
    match &config.broker {
        config::Broker::Memory => findings.push(Finding {
            check: "broker",
            verdict: Verdict::Ok,
            found: "in this process, for one node alone".to_owned(),
            servers: Vec::new(),
            advice: None,
        }),
        config::Broker::Redis(servers) => match redis::examine(servers).await {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(Finding {
                check: "broker",
                verdict: Verdict::Failed,
                found: format!("{error:#}"),
                servers: Vec::new(),
                advice: Some("correct the keys of [redis]".to_owned()),
            }),
        },
    }
    findings
}
