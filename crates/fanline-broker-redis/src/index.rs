//! Which channels somebody has to look at later, so that nobody has to be left to touch them.
//!
//! Each partition has an index of its own for each purpose: who holds leases there ([`presence`](crate::presence)),
//! and what will be too old ([`sweeper`](crate::sweeper)). It is written *before* the act that it indexes, so
//! that whatever survives a failover is indexed; a node [remembers](Memory) what it has written, which spares nearly
//! all of these writes. Every node [patrols](Patrol) all of them; two that look at the same do no harm.

mod memory;
mod patrol;

pub(crate) use memory::{Indexed, Memory, REMEMBERED};
pub(crate) use patrol::{Patrol, Visited};
