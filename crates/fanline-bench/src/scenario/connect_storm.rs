//! Many connections at once, as after a restart.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::generator::{Audience, Generator};
use crate::proc::Process;
use crate::report::metric::{
    GENERATOR_CPU, SERVER_CPU, SERVER_KERNEL, SERVER_USER, SUBSCRIBED_AFTER,
};
use crate::report::{Figures, Measurement};
use crate::target::Server;

/// These come first and are not counted: threads, pools and caches that any load brings.
const FIRST: usize = 64;
const BUDGET: Duration = Duration::from_secs(120);

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct ConnectStorm {
    #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
    connections: usize,
    #[arg(long, value_name = "NAME", default_value = "bench")]
    channel: String,
}

impl ConnectStorm {
    pub(crate) fn run(&self, server: &Server) -> Result<Measurement> {
        let all = self.connections + FIRST;
        let mut generator = Generator::new(server, Audience::listeners_only(&self.channel, all))?;
        generator.subscribe(FIRST, FIRST, BUDGET)?;
        let (theirs, ours) = (server.node(0).process(), Process::this());
        let (theirs_before, ours_before) = (theirs.cpu_time()?, ours.cpu_time()?);
        let took = generator.subscribe(all, all, BUDGET)?;
        let server_cpu = theirs.cpu_time()?.since(&theirs_before);
        let our_cpu = ours.cpu_time()?.since(&ours_before);
        let each = |seconds: f64| seconds * 1e6 / self.connections.max(1) as f64;
        Ok(Measurement {
            figures: Figures(vec![
                (&SERVER_CPU, each(server_cpu.total())),
                (&SERVER_USER, each(server_cpu.user)),
                (&SERVER_KERNEL, each(server_cpu.kernel)),
                (&GENERATOR_CPU, each(our_cpu.total())),
                (&SUBSCRIBED_AFTER, took.as_secs_f64()),
            ]),
            disconnected: generator.roster().ended,
            troubles: generator.roster().troubles.clone(),
            ..Measurement::default()
        })
    }

    pub(crate) fn describe(&self) -> String {
        format!(
            "connect storm: {} connections at once, CPU for each",
            self.connections
        )
    }
}
