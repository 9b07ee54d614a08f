//! A node that loses its subscriber connection: how long until Redis carries every channel to it again.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Serialize;

use crate::clock::{Clock, pause};
use crate::generator::{Audience, Generator};
use crate::proc::CpuTime;
use crate::report::metric::{
    CUT_NODE_CPU, CUT_REDIS_CPU, NODE_CPU_SECONDS, QUIET_NODE_CPU, QUIET_REDIS_CPU,
    REDIS_CPU_SECONDS, RESUBSCRIBED_AFTER, SUBSCRIBED_AFTER,
};
use crate::report::{Bound, Figures, Measurement};
use crate::target::{Installation, RedisProcess, Server};

const AT_ONCE: usize = 100;
const BUDGET: Duration = Duration::from_secs(300);
/// Between two looks at Redis.
const LOOK: Duration = Duration::from_millis(10);
/// How long everything is watched, before the cut and from it on: a node compares every channel's head with the
/// log after an interruption, and from time to time without one.
const WATCHED: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct Resubscribe {
    #[arg(long, value_name = "COUNT", default_value_t = 100_000)]
    channels: usize,
    /// Connections that the channels are shared out among.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    connections: usize,
    /// What the time until the last acknowledgement must not exceed.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    at_most: f64,
}

impl Resubscribe {
    pub(crate) fn run(&self, server: &Server) -> Result<Measurement> {
        let redis = server.redis().context("this scenario needs Redis")?;
        let each = self.channels / self.connections.max(1);
        if each == 0 {
            bail!("--channels is at least --connections, and those at least 1");
        }
        let audience = Audience::Nobody {
            connections: self.connections,
        };
        let mut generator = Generator::new(server, audience)?;
        generator.subscribe(self.connections, AT_ONCE, BUDGET)?;
        let channels_of = |connection: usize| {
            let first = connection * each;
            (first..first + each)
                .map(|n| format!("bench-{n}"))
                .collect()
        };
        let subscribed = generator.subscribe_more(channels_of, BUDGET)?;
        let standing = carried(redis)?;
        if standing < each * self.connections {
            bail!("Redis carries {standing} channels to the node: not all that were subscribed");
        }

        let settled = Reading::take(server, redis)?;
        generator.listen(WATCHED)?;
        let before = Reading::take(server, redis)?;
        let clock = Clock::start();
        redis.ask("CLIENT KILL TYPE pubsub")?;
        while carried(redis)? < standing {
            if clock.elapsed() > BUDGET {
                let left = carried(redis)?;
                bail!("after {BUDGET:?} Redis carries {left} of {standing} channels");
            }
            pause(LOOK);
        }
        let took = clock.elapsed();
        let again = Reading::take(server, redis)?;
        generator.listen(WATCHED.saturating_sub(clock.elapsed()))?;
        let watched = Reading::take(server, redis)?;
        let (until_again, cut) = (again.since(&before), watched.since(&before));
        let quiet = before.since(&settled);
        Ok(Measurement {
            figures: Figures(vec![
                (&SUBSCRIBED_AFTER, subscribed.as_secs_f64()),
                (&RESUBSCRIBED_AFTER, took.as_secs_f64()),
                (&NODE_CPU_SECONDS, until_again.nodes),
                (&REDIS_CPU_SECONDS, until_again.redis),
                (&CUT_NODE_CPU, cut.nodes),
                (&CUT_REDIS_CPU, cut.redis),
                (&QUIET_NODE_CPU, quiet.nodes),
                (&QUIET_REDIS_CPU, quiet.redis),
            ]),
            disconnected: generator.roster().ended,
            troubles: generator.roster().troubles.clone(),
            ..Measurement::default()
        })
    }

    pub(crate) fn bounds(&self) -> Vec<Bound> {
        vec![Bound::new(&RESUBSCRIBED_AFTER, self.at_most)]
    }

    pub(crate) fn installation() -> Installation {
        Installation::OnRedis { nodes: 1 }
    }

    pub(crate) fn describe(&self) -> String {
        format!(
            "resubscribe: {} channels of {} connections, one node on Redis, whose subscriber \
             connections are cut",
            self.channels, self.connections
        )
    }
}

/// Processor time so far.
struct Reading {
    nodes: Vec<CpuTime>,
    redis: CpuTime,
}

/// Processor time within a span.
struct Seconds {
    nodes: f64,
    redis: f64,
}

// === impl Reading ===

impl Reading {
    fn take(server: &Server, redis: &RedisProcess) -> Result<Self> {
        Ok(Self {
            nodes: server.cpu_times()?,
            redis: redis.process().cpu_time()?,
        })
    }

    fn since(&self, earlier: &Self) -> Seconds {
        let pairs = self.nodes.iter().zip(&earlier.nodes);
        Seconds {
            nodes: pairs.map(|(now, then)| now.since(then).total()).sum(),
            redis: self.redis.since(&earlier.redis).total(),
        }
    }
}

/// How many shard channels Redis carries to anybody, by its own count.
fn carried(redis: &RedisProcess) -> Result<usize> {
    let statistics = redis.ask("INFO stats")?;
    let count = statistics
        .lines()
        .find_map(|line| line.strip_prefix("pubsubshard_channels:"));
    let count = count.context("Redis does not count shard channels: take 7.0.3 or newer")?;
    count.trim().parse().context("not a count")
}
