//! The harness of the registry in memory: a clock that tests move.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::Nodes;
use fanline_broker::memory::MemoryNodes;
use fanline_model::{ManualClock, Timestamp};
use fanline_testkit::contract::nodes::{NodesHarness, NodesUnderTest};

struct Harness;

struct InMemory {
    clock: Arc<ManualClock>,
    nodes: Arc<dyn Nodes>,
}

#[async_trait]
impl NodesHarness for Harness {
    async fn start(&self) -> Arc<dyn NodesUnderTest> {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_764_000_000)));
        let nodes = Arc::new(MemoryNodes::new(Arc::clone(&clock) as _));
        Arc::new(InMemory { clock, nodes })
    }
}

#[async_trait]
impl NodesUnderTest for InMemory {
    fn nodes(&self) -> &Arc<dyn Nodes> {
        &self.nodes
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

fanline_testkit::nodes_contract!(crate::nodes::Harness);
