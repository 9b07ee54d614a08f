//! The way of one call: from server to server, until one has answered or the budget is spent.

use redis::{Cmd, Value};
use tokio::time::{Instant, sleep, timeout_at};

use super::answer::{self, Answer};
use super::server::Server;
use super::{Call, CallError, Cluster};
use crate::connector::Live;
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
    /// An attempt may have been executed, though nobody heard its answer. Set before anything is sent, so that
    /// it holds wherever the budget ends.
    doubtful: bool,
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
    pub(super) fn new(cluster: &'a Cluster, slot: u16, call: Call) -> Self {
        Self {
            cluster,
            slot,
            call,
            doubtful: false,
        }
    }

    /// Tries until there is an answer, but not beyond the deadline.
    pub(super) async fn finish(mut self, deadline: Instant) -> Result<Value, CallError> {
        match timeout_at(deadline, self.travel()).await {
            Ok(answer) => answer,
            Err(_) if self.doubtful => Err(CallError::Unknown),
            Err(_) => Err(CallError::Unavailable),
        }
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
        let command = command(&self.call, self.doubtful);
        let doubtful_before = std::mem::replace(&mut self.doubtful, true);
        let Ok(value) = server.ask(&live, command, stop.asking).await else {
            topology.suspect();
            return Step::Wait;
        };
        self.doubtful = doubtful_before;
        match answer::read(value, server.address()) {
            Answer::Done(value) => Step::End(Ok(value)),
            Answer::Moved(address) => {
                topology.suspect();
                Step::Go(Stop::new(address))
            }
            Answer::Ask(address) => Step::Go(Stop {
                asking: true,
                ..Stop::new(address)
            }),
            Answer::NotYet => {
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

    fn refused(&self, code: &str, detail: &str) -> CallError {
        if self.doubtful && !code.starts_with(OWN_CODES) {
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
    command.arg(call.function).arg(1).arg(&*call.key);
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
