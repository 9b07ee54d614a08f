//! Carries commands to the primary of their key's slot.
//!
//! A command that may have been executed is sent again only with its retry flag set, or if executing it twice
//! does no harm; what became of it is never guessed: an outcome that nobody knows is
//! [`CallError::Unknown`].

mod answer;
mod counters;
mod greeting;
mod journey;
mod patience;
mod server;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use fanline_model::Durability;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use redis::Value;

use crate::connector::Connector;
use crate::slot::slot;
use crate::topology::TopologyWatch;

pub(crate) use counters::Counters;
use journey::Journey;
use patience::Patience;
use server::Servers;

/// How many calls may be under way at one primary for one [`Cluster::call_each`]. They share its connection,
/// which writes them as one pipeline.
const ABREAST: usize = 256;

/// One call of one function, on one key (`FCALL name 1 key args…`) unless it says why not.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: &'static str,
    /// The whole key; its `{tag}` decides the slot.
    pub(crate) key: Bytes,
    /// Further keys of the same slot. While the slot moves they may stand on different sides: then the call is refused
    /// at once ([`PARTED`]), and its caller asks for each by itself.
    pub(crate) more_keys: Vec<Bytes>,
    pub(crate) args: Vec<Bytes>,
    /// Which argument becomes `1` when the call is sent again and may have been executed before. Without one
    /// the call must do no harm when it is executed twice.
    pub(crate) retry_flag: Option<usize>,
}

/// The code of a refusal because the keys of one call are on both sides of a moving slot.
pub(crate) const PARTED: &str = "TRYAGAIN";

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// Nothing was executed.
    #[error("Redis cannot be reached; nothing was done")]
    Unavailable,
    /// It may have been executed.
    #[error("it is not known whether Redis executed the call")]
    Unknown,
    /// An error was answered, and no attempt before may have been executed, unless the code is one of the
    /// library's own.
    #[error("Redis refused the call: {code} {detail}")]
    Refused {
        /// Its first word: one of the library's own (`FL…`), or of Redis (`OOM`: nothing was executed; `ERR`
        /// may come from the middle of a function).
        code: String,
        /// The rest.
        detail: String,
    },
}

/// The function library: a text for `FUNCTION LOAD REPLACE`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LibrarySource {
    pub(crate) code: &'static str,
}

/// The primaries, as one.
pub(crate) struct Cluster {
    topology: Arc<TopologyWatch>,
    servers: Servers,
    patience: Patience,
    counters: Arc<Counters>,
}

impl Cluster {
    pub(crate) fn new(
        connector: Connector,
        topology: Arc<TopologyWatch>,
        library: LibrarySource,
    ) -> Arc<Self> {
        let patience = Patience::new(connector.config().retry_budget);
        let counters = Arc::<Counters>::default();
        Arc::new(Self {
            servers: Servers::new(connector, library, Arc::clone(&counters)),
            topology,
            patience,
            counters,
        })
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Calls a function.
    pub(crate) async fn call(&self, call: Call) -> Result<Value, CallError> {
        self.call_durably(call, Durability::Acked).await
    }

    /// Calls a function, and answers once what it wrote, or found written, is as durable as asked. Executed but
    /// not replicated in time is [`CallError::Unknown`] too.
    pub(crate) async fn call_durably(
        &self,
        call: Call,
        durability: Durability,
    ) -> Result<Value, CallError> {
        let slot = slot(&call.key);
        let deadline = self.patience.deadline();
        let journey = Journey::new(self, slot, call, durability);
        journey.finish(deadline).await
    }

    /// Calls of many keys at once, pipelined per server; the answers are in the order asked. All of them share
    /// one retry budget.
    pub(crate) async fn call_each(&self, calls: Vec<Call>) -> Vec<Result<Value, CallError>> {
        let deadline = self.patience.deadline();
        let mut answers = vec![Err(CallError::Unavailable); calls.len()];
        // Apart, so that one primary that does not answer holds up no other.
        let lanes = self.by_primary(calls).into_values().map(|calls| {
            let journeys = calls.into_iter().map(|(index, slot, call)| {
                let journey = Journey::new(self, slot, call, Durability::Acked);
                async move { (index, journey.finish(deadline).await) }
            });
            stream::iter(journeys)
                .buffer_unordered(ABREAST)
                .collect::<Vec<_>>()
        });
        for (index, answer) in join_all(lanes).await.into_iter().flatten() {
            if let Some(place) = answers.get_mut(index) {
                *place = answer;
            }
        }
        answers
    }

    /// With the place of each among those asked, and its slot.
    fn by_primary(&self, calls: Vec<Call>) -> BTreeMap<Option<usize>, Vec<(usize, u16, Call)>> {
        let topology = self.topology.current();
        let mut lanes: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (index, call) in calls.into_iter().enumerate() {
            let slot = slot(&call.key);
            let lane = lanes.entry(topology.index_of(slot)).or_default();
            lane.push((index, slot, call));
        }
        lanes
    }
}
