//! `fanline version`.

use clap::Args;
use serde_json::json;

use super::{Output, say};

/// Say which version this is
#[derive(Debug, Args)]
pub(super) struct Version {
    /// For whom to write
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

// === impl Version ===

impl Version {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        match self.output {
            Output::Text => say(format_args!("fanline {version}"))?,
            Output::Json => say(json!({ "name": "fanline", "version": version }))?,
        }
        Ok(())
    }
}
