//! How much work there is.

use std::time::Duration;

use crate::stage::{Nodes, Tenant};

/// How many of each, over all tenants; small enough for two cores that also run the installation.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Plain channels of each tenant.
    pub acked: usize,
    /// Channels of each tenant whose publishes wait for a replica.
    pub replicated: usize,
    /// Publishers.
    pub publishers: usize,
    /// All their publishes together.
    pub publishes_per_second: u32,
    /// Subscribers, each a connection.
    pub subscribers: usize,
    /// Channels of each subscriber.
    pub topics_each: usize,
    /// Presence members.
    pub members: usize,
    /// Whether members enter through two servers at once, under one connection.
    pub enter_twice: bool,
    /// Channels of each tenant that only a token opens; with any, every subscriber shows one.
    pub guarded: usize,
    /// Channels of the first tenant whose log is short, each with one subscriber that is there for it alone.
    pub short: usize,
    /// Pairs of subscribers that hold one connection key.
    pub twins: usize,
    /// Subscribers that are given their channels by the scenario.
    pub racers: usize,
    /// Subscribers of one channel each, beyond all others.
    pub crowd: usize,
    /// Variables of the servers' environment.
    pub settings: Vec<(String, String)>,
}

/// A tenant's part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) publishers: usize,
    pub(crate) subscribers: usize,
    /// Between two publishes of one publisher.
    pub(crate) pause: Duration,
}

// === impl Plan ===

impl Default for Plan {
    fn default() -> Self {
        Self {
            acked: 8,
            replicated: 4,
            publishers: 5,
            publishes_per_second: 200,
            subscribers: 20,
            topics_each: 3,
            members: 12,
            enter_twice: false,
            guarded: 0,
            short: 0,
            twins: 0,
            racers: 0,
            crowd: 0,
            settings: Vec::new(),
        }
    }
}

impl Plan {
    /// The first tenant has four fifths of everything.
    pub(crate) fn share_of(&self, tenant: &Tenant, nodes: &Nodes) -> Share {
        let is_first = nodes
            .tenants()
            .first()
            .is_some_and(|first| first.name == tenant.name);
        let part = |whole: usize| {
            let small = (whole / 5).max(1);
            if is_first {
                whole.saturating_sub(small).max(1)
            } else {
                small
            }
        };
        let publishers = u32::try_from(self.publishers.max(1)).unwrap_or(u32::MAX);
        Share {
            publishers: part(self.publishers),
            subscribers: part(self.subscribers),
            pause: Duration::from_secs(1) * publishers / self.publishes_per_second.max(1),
        }
    }
}
