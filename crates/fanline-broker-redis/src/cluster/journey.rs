//! The way of one call: from server to server, until one has answered or the budget is spent.

use std::sync::atomic::AtomicU64;

use fanline_model::Durability;
use redis::{Cmd, Value};
use tokio::time::{Instant, sleep, timeout_at};

use super::answer::{self, Answer};
use super::server::Server;
use super::{Call, CallError, Cluster, Counters, PARTED};
use crate::connector::Live;
use crate::durability::{Doubt, Verdict};
use crate::topology::{Address, Topology};

/// After so many redirections without a pause two servers contradict each other, as they do in the middle of a
/// failover.
const HOPS: u32 = 3;

/// Begins every code with which the library itself refuses. Such a refusal has taken into account what an
/// earlier attempt may have done; one of Redis's own has not.
const OWN_CODES: &str = "FL";

/// One call, and what has become of it so far.
pub(super) struct Journey<'a> {
    cluster: &'a Cluster,
    slot: u16,
    call: Call,
    durability: Durability,
    /// An attempt may have been executed, though nobody heard its answer, or too few replicas acknowledged it.
    /// Set before anything is sent, so that it holds wherever the budget ends.
    doubt: Doubt,
}

/// Where to send it next.
struct Stop {
    address: Address,
    /// Whether to say `ASKING`.
    asking: bool,
    /// Whether the library was just loaded there for this call.
    loaded: bool,
}

/// What an attempt led to.
enum Step {
    End(Result<Value, CallError>),
    Go(Stop),
    Wait,
}

// === impl Journey ===

impl<'a> Journey<'a> {
    pub(super) fn new(cluster: &'a Cluster, slot: u16, call: Call, durability: Durability) -> Self {
        Self {
            cluster,
            slot,
            call,
            durability,
            doubt: Doubt::default(),
        }
    }

    /// Tries until there is an answer, but not beyond the deadline.
    pub(super) async fn finish(mut self, deadline: Instant) -> Result<Value, CallError> {
        self.count(|counters| &counters.calls);
        let answer = match timeout_at(deadline, self.travel()).await {
            Ok(answer) => answer,
            Err(_) if self.doubt.get() => Err(CallError::Unknown),
            Err(_) => Err(CallError::Unavailable),
        };
        match answer {
            Err(CallError::Unavailable) => self.count(|counters| &counters.unavailable),
            Err(CallError::Unknown) => self.count(|counters| &counters.unknown),
            Ok(_) | Err(CallError::Refused { .. }) => {}
        }
        answer
    }

    async fn travel(&mut self) -> Result<Value, CallError> {
        let (mut failed, mut hops) = (0, 0);
        let mut next = None;
        loop {
            let stop = match next.take() {
                Some(stop) => stop,
                None => self.home().await,
            };
            match self.attempt(stop).await {
                Step::End(answer) => return answer,
                Step::Go(stop) if hops < HOPS => {
                    hops += 1;
                    next = Some(stop);
                }
                Step::Go(_) | Step::Wait => {
                    sleep(self.cluster.patience.pause(failed)).await;
                    failed += 1;
                    hops = 0;
                }
            }
            self.count(|counters| &counters.retries);
        }
    }

    /// The slot's primary, as far as known; waits for one.
    async fn home(&self) -> Stop {
        let topology = &self.cluster.topology;
        loop {
            let view = topology.current();
            if let Some(primary) = view.primary_of(self.slot) {
                return Stop::new(primary.address.clone());
            }
            topology.suspect();
            topology
                .wait_for(|view| view.primary_of(self.slot).is_some())
                .await;
        }
    }

    async fn attempt(&mut self, stop: Stop) -> Step {
        let topology = &self.cluster.topology;
        let view = topology.current();
        let server = self.cluster.servers.at(&stop.address, &view);
        let opened = tokio::select! {
            biased;
            opened = server.open() => opened,
            // A dead server takes its whole time to open: not once its successor is known.
            () = self.succeeded(&view) => return Step::Go(self.home().await),
        };
        let Ok(live) = opened else {
            topology.suspect();
            return Step::Wait;
        };
        let loads = server.loads();
        let doubtful_before = self.doubt.get();
        let Verdict::Answered { value, replicated } = self.send(&server, &live, &stop).await else {
            topology.suspect();
            return Step::Wait;
        };
        self.doubt.set(doubtful_before);
        match answer::read(value, server.address()) {
            Answer::Done(value) if replicated => Step::End(Ok(value)),
            Answer::Done(_) => {
                // Again, as a repetition, as long as the budget lasts: a replica that is away for a moment costs
                // its publishers time and no error. The whole call and not another `WAIT` alone: who waits on a
                // connection whose server was demoted and promoted since would be shown the acknowledgements of
                // another history. As a duplicate it finds what the first attempt did, writes, and waits for that.
                self.doubt.set(true);
                Step::Wait
            }
            Answer::Moved(address) => {
                topology.suspect();
                Step::Go(Stop::new(address))
            }
            Answer::Ask(address) => Step::Go(Stop {
                asking: true,
                ..Stop::new(address)
            }),
            Answer::Parted if !self.call.more_keys.is_empty() => {
                Step::End(Err(self.refused(PARTED, "the slot is moving")))
            }
            Answer::NotYet | Answer::Parted => {
                topology.suspect();
                Step::Wait
            }
            Answer::ReadOnly => {
                server.give_up(&live);
                topology.suspect();
                Step::Wait
            }
            Answer::NoFunction if !stop.loaded => self.load(&server, &live, loads, stop).await,
            Answer::NoFunction => {
                tracing::error!("the function library lacks a function that is called");
                Step::End(Err(self.refused("ERR", "Function not found")))
            }
            Answer::Refused { code, detail } => Step::End(Err(self.refused(&code, &detail))),
        }
    }

    async fn send(&self, server: &Server, live: &Live, stop: &Stop) -> Verdict {
        let command = command(&self.call, self.doubt.get());
        match self.durability {
            Durability::Acked => {
                self.doubt.set(true);
                let answer = server.ask(live, command, stop.asking).await;
                answer.map_or(Verdict::Silent, |value| Verdict::Answered {
                    value,
                    replicated: true,
                })
            }
            Durability::Replicated => {
                let link = server.replicated();
                link.ask(command, stop.asking, &self.doubt).await
            }
        }
    }

    /// The call missed the library, so it was not executed.
    async fn load(&self, server: &Server, live: &Live, loads: u64, stop: Stop) -> Step {
        let error = match server.load_library(live, loads).await {
            Ok(Ok(())) => {
                return Step::Go(Stop {
                    loaded: true,
                    ..stop
                });
            }
            Ok(Err(error)) => error,
            Err(_) => {
                self.cluster.topology.suspect();
                return Step::Wait;
            }
        };
        match answer::read(Value::ServerError(error), server.address()) {
            Answer::Refused { code, detail } => {
                tracing::error!(
                    address = %server.address(), code, detail,
                    "the function library cannot be loaded"
                );
                Step::End(Err(self.refused(&code, &detail)))
            }
            _ => {
                self.cluster.topology.suspect();
                Step::Wait
            }
        }
    }

    /// Ends when the slot has another primary than in this view.
    async fn succeeded(&self, view: &Topology) {
        let address = |view: &Topology| Some(view.primary_of(self.slot)?.address.clone());
        let before = address(view);
        let topology = &self.cluster.topology;
        topology.wait_for(|view| address(view) != before).await;
    }

    fn count(&self, of: impl Fn(&Counters) -> &AtomicU64) {
        Counters::count(of(self.cluster.counters()));
    }

    fn refused(&self, code: &str, detail: &str) -> CallError {
        if self.doubt.get() && !code.starts_with(OWN_CODES) {
            return CallError::Unknown;
        }
        CallError::Refused {
            code: code.to_owned(),
            detail: detail.to_owned(),
        }
    }
}

/// `repeated`: an attempt before may have been executed.
fn command(call: &Call, repeated: bool) -> Cmd {
    let mut command = redis::cmd("FCALL");
    command.arg(call.function).arg(1 + call.more_keys.len());
    command.arg(&*call.key);
    for key in &call.more_keys {
        command.arg(&**key);
    }
    for (index, argument) in call.args.iter().enumerate() {
        let flagged = repeated && call.retry_flag == Some(index);
        let argument: &[u8] = if flagged { b"1" } else { argument };
        command.arg(argument);
    }
    command
}

// === impl Stop ===

impl Stop {
    fn new(address: Address) -> Self {
        Self {
            address,
            asking: false,
            loaded: false,
        }
    }
}
