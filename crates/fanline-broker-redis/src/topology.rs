//! Which server is the primary of which slot.
//!
//! A view is a hint, never a proof: whoever acts on it hears from the server itself (`MOVED`, `READONLY`)
//! whether it was right.

mod look;
mod nodes;
mod trouble;
mod view;
mod watch;

use std::fmt;
use std::sync::Arc;

pub(crate) use look::{LookError, Sight, look};
pub(crate) use trouble::{Trouble, is_refusal};
pub(crate) use view::{Marks, View};
pub(crate) use watch::TopologyWatch;

/// How many slots a cluster has.
pub(crate) const SLOTS: u16 = 16_384;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) host: Box<str>,
    pub(crate) port: u16,
}

/// One primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Primary {
    /// Its node id in the cluster; of a single server its address.
    pub(crate) id: Box<str>,
    pub(crate) address: Address,
    /// Slots that are on their way from this primary to the named one.
    pub(crate) migrating: Vec<(u16, Box<str>)>,
}

/// One view of the cluster. A single server is a cluster of one primary that owns every slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topology {
    pub(crate) primaries: Vec<Arc<Primary>>,
    /// For every slot the index of its primary; [`NOBODY`] where a slot is served by none.
    owners: Vec<u16>,
}

const NOBODY: u16 = u16::MAX;

impl Topology {
    /// A view without any server: nothing can be reached yet.
    pub(crate) fn unknown() -> Self {
        Self {
            primaries: Vec::new(),
            owners: vec![NOBODY; usize::from(SLOTS)],
        }
    }

    /// A single server.
    pub(crate) fn single(address: Address) -> Self {
        let primary = Primary {
            id: address.to_string().into(),
            address,
            migrating: Vec::new(),
        };
        Self {
            primaries: vec![Arc::new(primary)],
            owners: vec![0; usize::from(SLOTS)],
        }
    }

    /// A cluster: each primary with the slots it owns, as inclusive ranges.
    pub(crate) fn of(primaries: Vec<(Primary, Vec<(u16, u16)>)>) -> Self {
        let mut topology = Self::unknown();
        for (index, (primary, ranges)) in (0..).zip(primaries) {
            for (first, last) in ranges {
                let last = last.min(SLOTS - 1);
                if let Some(owners) = topology
                    .owners
                    .get_mut(usize::from(first)..=usize::from(last))
                {
                    owners.fill(index);
                }
            }
            topology.primaries.push(Arc::new(primary));
        }
        topology
    }

    /// Who serves a slot.
    pub(crate) fn primary_of(&self, slot: u16) -> Option<&Arc<Primary>> {
        self.primaries.get(self.index_of(slot)?)
    }

    /// Which of the primaries serves a slot.
    pub(crate) fn index_of(&self, slot: u16) -> Option<usize> {
        let owner = usize::from(*self.owners.get(usize::from(slot))?);
        (owner < self.primaries.len()).then_some(owner)
    }

    /// The primaries that serve at least one slot.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &Arc<Primary>> {
        let owns = |index| self.owners.contains(&index);
        let primaries = (0..).zip(&self.primaries);
        primaries.filter_map(move |(index, primary)| owns(index).then_some(primary))
    }

    /// The primary with this node id.
    pub(crate) fn find(&self, id: &str) -> Option<&Arc<Primary>> {
        self.primaries.iter().find(|primary| *primary.id == *id)
    }
}

impl Address {
    /// Reads an address that a server gave. One without a host means the host of the server that was asked.
    pub(crate) fn told_by(asked: &Self, text: &str) -> Option<Self> {
        match text.strip_prefix(':') {
            Some(port) => Some(Self {
                host: asked.host.clone(),
                port: port.parse().ok()?,
            }),
            None => Self::parse(text),
        }
    }

    /// Reads `host:port`; the port is what stands after the last colon.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then_some(Self {
            host: host.into(),
            port: port.parse().ok()?,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
