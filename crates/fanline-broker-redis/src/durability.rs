//! Publishes that count only once replicas have them: the durability `replicated`.
//!
//! `WAIT` speaks of what its own connection wrote before it. So a publish and its `WAIT` travel in one piece over
//! one connection, and a connection that broke in between answers nobody: it is never asked anew what an older
//! one wrote. While a connection waits it does nothing else, so these publishes have connections of their own, and
//! what gathers meanwhile goes with the next batch: one `WAIT` for all of it.
//!
//! How many replicas is configured, never counted. A primary that was cut off from the majority may still have
//! some; each acknowledgement it is given is true, and fewer than were asked for is never a success.
//! `min-replicas-to-write` says nothing of the kind: it looks, before the write, at who was connected some
//! seconds ago, and it refuses the writes of every namespace, presence included.
//!
//! This module repeats nothing: what an outcome means for the call, only the call's own journey knows.

mod batch;
mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::{Cmd, ServerError, Value};

use crate::cluster::Counters;
use crate::config::RedisConfig;
use crate::connector::{Connector, Link, Live};
use crate::topology::Address;

pub(crate) use queue::Doubt;
use queue::{Item, Queue};

/// How many batches may be under way at one primary: while one waits for replicas, the next one keeps the primary
/// busy. Four carried no more publishes a second, and needed half as many waits again.
const LANES: usize = 2;

/// Whose acknowledgement is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// So many replicas'.
    replicas: usize,
    /// So soon.
    within: Duration,
}

/// What became of one command.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It was not sent.
    NotSent,
    /// It was sent, and nobody heard an answer.
    Silent,
    /// The server answered.
    Answered {
        value: Value,
        /// Whether as many replicas as were asked for have everything that was written up to it.
        replicated: bool,
    },
}

/// The way to one primary for what must be replicated.
pub(crate) struct ReplicatedLink {
    address: Address,
    demand: Demand,
    counters: Arc<Counters>,
    queue: Queue<Arc<Link>>,
    /// Whether the last `WAIT` came short: told when it changes, not with every batch.
    short: AtomicBool,
}

// === impl Demand ===

impl Demand {
    /// The wait ends before the server would be taken for dead: too few replicas are an answer.
    pub(crate) fn of(config: &RedisConfig) -> Self {
        Self {
            replicas: config.replicas,
            within: config.replicate_within.min(config.answer_within * 2 / 3),
        }
    }
}

// === impl ReplicatedLink ===

impl ReplicatedLink {
    pub(crate) fn new(connector: &Connector, address: &Address, counters: Arc<Counters>) -> Self {
        let lane = || Arc::new(Link::new(connector.clone(), address.clone()));
        Self {
            address: address.clone(),
            demand: Demand::of(connector.config()),
            counters,
            queue: Queue::new((0..LANES).map(|_| lane()).collect()),
            short: AtomicBool::new(false),
        }
    }

    /// Sends a command with the next batch, after `ASKING` if the key is not yet at home here. The doubt is set
    /// as soon as it may have been executed, and stays unset if whoever asks gives up before that.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        command: Cmd,
        asking: bool,
        doubt: &Doubt,
    ) -> Verdict {
        let (item, verdict) = Item::new(command, asking, doubt.clone());
        let (_place, idle) = self.queue.join(item);
        if let Some(lane) = idle {
            tokio::spawn(Arc::clone(self).serve(lane));
        }
        verdict.await.unwrap_or(Verdict::Silent)
    }

    /// Carries batches until nobody waits. A task of its own, so that a caller who gives up takes no neighbour
    /// along.
    async fn serve(self: Arc<Self>, lane: Arc<Link>) {
        loop {
            // Before anything is taken: what cannot be sent must not look as if it had been.
            let Ok(live) = lane.open().await else {
                return self.queue.turn_away(lane);
            };
            let Some(batch) = self.queue.take(&lane) else {
                return;
            };
            self.carry(&lane, &live, batch).await;
        }
    }

    async fn carry(&self, lane: &Link, live: &Live, batch: Vec<Item>) {
        let (pipeline, callers) = batch::pack(batch, self.demand);
        Counters::count(&self.counters.waits);
        let Ok(answers) = lane.ask_all(live, &pipeline).await else {
            return batch::silence(callers);
        };
        let acknowledged = batch::deliver(callers, answers, self.demand);
        if !matches!(&acknowledged, Ok(replicas) if *replicas >= self.demand.replicas) {
            Counters::count(&self.counters.shortfalls);
        }
        // It may be a replica itself by now.
        if acknowledged.is_err() {
            lane.give_up(live);
        }
        self.tell(acknowledged);
    }

    fn tell(&self, acknowledged: Result<usize, ServerError>) {
        let (address, asked) = (&self.address, self.demand.replicas);
        match acknowledged {
            Ok(replicas) if replicas >= asked => {
                if self.short.swap(false, Ordering::Relaxed) {
                    tracing::info!(%address, replicas, "enough replicas acknowledge again");
                }
            }
            _ if self.short.swap(true, Ordering::Relaxed) => {}
            Ok(replicas) => tracing::warn!(
                %address, replicas, asked,
                "too few replicas acknowledge: publishes of durability `replicated` end as unknown until they do; \
                 bring the replicas of this primary back, or configure fewer of `redis.replicas`"
            ),
            Err(error) => tracing::warn!(
                %address, %error, asked,
                "Redis refused WAIT: publishes of durability `replicated` end as unknown until it does not; it is \
                 a replica itself, or the ACL user lacks the command"
            ),
        }
    }
}
