//! `fanline serve`.

use std::path::PathBuf;

use clap::Args;
use fanline_edge::Mounts;
use fanline_telemetry::init_log;

use super::server_runtime;
use crate::{credentials::Credentials, serve, stop, wire::Installation};

/// Serve, as a configuration says
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The configuration; without it, the defaults and the environment. `fanline config defaults`
    /// prints one to begin with
    #[arg(long, env = "FANLINE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Nothing but what clients and operators need.
struct Plain;

// === impl Serve ===

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = super::config::load(self.config.as_deref())?;
        init_log(config.log_format, &config.log_filter)?;
        serve::run(server_runtime()?, &config, &Plain, stop::on_signal)
    }
}

// === impl Plain ===

impl serve::Mode for Plain {
    fn listener_names(&self) -> serve::Names {
        ["public.listen", "admin.listen", "ops.listen"]
    }

    fn preset_for_pusher(&self) -> bool {
        false
    }

    fn mounts(&self, mounts: Mounts, _: &Installation, _: &Credentials) -> Mounts {
        mounts
    }

    fn serving(&self, served: &serve::Served) -> anyhow::Result<()> {
        let [public, admin, ops] = &served.urls;
        tracing::info!(public, admin, ops, "serving");
        Ok(())
    }
}
