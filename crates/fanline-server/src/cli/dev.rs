//! `fanline dev`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use fanline_edge::Farewell;
use fanline_telemetry::init_log;

use super::{Output, server_runtime};
use crate::{config, dev, serve, stop};

/// Try Fanline on this machine: everything in one process, with credentials made for you
///
/// For one person's machine: it listens on loopback, speaks plain HTTP, lets everybody with the public
/// app key subscribe to channels that are not private, and signs tokens for pages of localhost.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// Where clients and publishers come in [default: 127.0.0.1:7300]; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where the admin API is [default: 127.0.0.1:7301]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin_listen: Option<SocketAddr>,
    /// Where metrics and health are [default: 127.0.0.1:7302]
    #[arg(long, value_name = "ADDRESS:PORT")]
    ops_listen: Option<SocketAddr>,
    /// Where the store, the credentials and the saved replay buffers are kept, and found again by the
    /// next start [default: ./fanline-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// For whom to write: `json` prints one line with addresses and credentials once it serves
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

// === impl Dev ===

impl Dev {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut config = super::config::load(None)?;
        config.listen.public = self.listen.unwrap_or(config.listen.public);
        config.listen.admin = self.admin_listen.unwrap_or(config.listen.admin);
        config.listen.ops = self.ops_listen.unwrap_or(config.listen.ops);
        config.data_dir = self.data_dir.unwrap_or(config.data_dir);
        config.check_admin()?;
        anyhow::ensure!(
            config.store == config::Store::Sqlite,
            "`fanline dev` makes its own app: unset FANLINE_STORE_KIND, or serve the file of apps with \
             `fanline serve`"
        );
        // Nobody stands behind a developer's clients: all at once, and nobody waits.
        config.farewell = Farewell {
            notice: Duration::ZERO,
            drain: Duration::ZERO,
            grace: Duration::from_secs(3),
        };
        init_log(config.log_format, &config.log_filter)?;
        if !config.listen.public.ip().is_loopback() {
            tracing::warn!(
                "dev is for your own machine: whoever reaches {} may subscribe to channels that are \
                 not private",
                config.listen.public
            );
        }
        let mode = dev::Mode::new(self.output);
        serve::run(server_runtime()?, &config, &mode, stop::on_signal)
    }
}
