//! Letting those leave whom nobody is left to let leave.
//!
//! Whoever touches a channel lets those leave whose lease has ended, and renewing touches it every few seconds.
//! So this is for channels that lost everybody at once, with their node, and for those that wait out a grace.
//! A channel with members is visited every 15 s by one of all nodes.

use std::sync::Arc;

use fanline_broker::BrokerError;
use fanline_model::{Epoch, Random};

use super::index::LeaseIndex;
use crate::cluster::Cluster;
use crate::index::{Patrol, Visited};
use crate::keys;
use crate::library::presence_calls as calls;

/// Whose turn it is.
pub(super) struct Reaper {
    random: Arc<dyn Random>,
    patrol: Patrol,
}

impl Reaper {
    pub(super) fn new(cluster: Arc<Cluster>, random: Arc<dyn Random>) -> Self {
        Self {
            patrol: Patrol::new(cluster, &*random, keys::leases),
            random,
        }
    }

    /// Answers how many entries left.
    pub(super) async fn reap(&self, index: &LeaseIndex) -> Result<usize, BrokerError> {
        let visit = |channel| calls::reap(channel, Epoch::generate(&*self.random));
        let tell = |value| {
            let reaped = calls::reaped(value)?;
            Some(Visited {
                found: reaped.left,
                again: reaped.again,
            })
        };
        self.patrol.round(index.memory(), visit, tell).await
    }
}
