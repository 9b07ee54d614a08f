//! Subscribers that hear nothing.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use crate::clock::pause;
use crate::generator::{Audience, Generator};
use crate::report::metric::{ANONYMOUS_EACH, RESIDENT_AFTER, RESIDENT_BEFORE, RESIDENT_EACH};
use crate::report::{Figures, Measurement};
use crate::target::Server;

/// These come first and are not counted: threads, pools and caches that any load brings.
const FIRST: usize = 64;
const AT_ONCE: usize = 100;
const BUDGET: Duration = Duration::from_secs(300);

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct Idle {
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    connections: usize,
    /// Wait so long before each reading.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    settle: f64,
    #[arg(long, value_name = "NAME", default_value = "bench")]
    channel: String,
}

impl Idle {
    pub(crate) fn run(&self, server: &Server) -> Result<Measurement> {
        let settle = Duration::try_from_secs_f64(self.settle)?;
        let all = self.connections + FIRST;
        let mut generator = Generator::new(server, Audience::listeners_only(&self.channel, all))?;
        generator.subscribe(FIRST, AT_ONCE, BUDGET)?;
        pause(settle);
        let before = server.node(0).process().memory()?;
        generator.subscribe(all, AT_ONCE, BUDGET)?;
        pause(settle);
        let after = server.node(0).process().memory()?;
        let each = |after: f64, before: f64| (after - before) / self.connections.max(1) as f64;
        Ok(Measurement {
            figures: Figures(vec![
                (&RESIDENT_EACH, each(after.resident, before.resident)),
                (&ANONYMOUS_EACH, each(after.anonymous, before.anonymous)),
                (&RESIDENT_BEFORE, before.resident),
                (&RESIDENT_AFTER, after.resident),
            ]),
            disconnected: generator.roster().ended,
            troubles: generator.roster().troubles.clone(),
            ..Measurement::default()
        })
    }

    pub(crate) fn describe(&self) -> String {
        format!(
            "idle: {} subscribed connections, {} s of silence",
            self.connections, self.settle
        )
    }
}
