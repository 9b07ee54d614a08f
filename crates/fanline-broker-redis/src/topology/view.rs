//! What one server says about the cluster, and whether that is older than what is known.

use std::collections::HashMap;

use super::nodes::Node;
use super::{Address, Primary, SLOTS, Topology};

/// Migration marks by the id of the primary that set them. Each shows only its own.
pub(crate) type Marks = HashMap<Box<str>, Vec<(u16, Box<str>)>>;

/// The cluster, as one server sees it.
#[derive(Clone, Debug)]
pub(crate) struct View {
    nodes: Vec<Node>,
    /// `cluster_state:ok`, which a server that is cut off from the majority does not say for long.
    ok: bool,
}

impl View {
    pub(super) fn new(nodes: Vec<Node>, ok: bool) -> Self {
        Self { nodes, ok }
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.ok
    }

    /// Whether every slot has an owner that nobody suspects.
    pub(super) fn is_well(&self) -> bool {
        self.ok && self.served() == u32::from(SLOTS) && self.failing().next().is_none()
    }

    /// How many slots have an owner.
    pub(crate) fn served(&self) -> u32 {
        self.owners()
            .flat_map(|node| &node.ranges)
            .map(|(first, last)| u32::from(last.saturating_sub(*first)) + 1)
            .sum()
    }

    /// Where the owners of slots are that somebody suspects.
    pub(crate) fn failing(&self) -> impl Iterator<Item = &Address> {
        let failing = self.owners().filter(|node| node.failing);
        failing.map(|node| &node.address)
    }

    /// The server that was asked, with its own migration marks, if it is a primary.
    pub(super) fn asked(&self) -> Option<&Node> {
        self.primaries().find(|node| node.myself)
    }

    /// Where every server is, replicas too.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.nodes.iter().map(|node| &node.address)
    }

    /// For every slot the config epoch of its owner, 0 where it has none.
    ///
    /// Of two claims on one slot the cluster lets the greater config epoch win, whether by election or by
    /// migration. The cluster's *current* epoch would not do: a replica that is cut off raises its own with
    /// every election that it cannot win.
    pub(super) fn epochs(&self) -> Vec<u64> {
        let mut epochs = vec![0; usize::from(SLOTS)];
        for node in self.primaries() {
            for (first, last) in &node.ranges {
                if let Some(own) = epochs.get_mut(usize::from(*first)..=usize::from(*last)) {
                    own.fill(node.config_epoch);
                }
            }
        }
        epochs
    }

    pub(crate) fn topology(&self, marks: &Marks) -> Topology {
        let mut primaries: Vec<_> = self
            .primaries()
            // One that lost its slots to its successor comes back as a replica.
            .filter(|node| !(node.failing && node.ranges.is_empty()))
            .map(|node| {
                let primary = Primary {
                    id: node.id.clone(),
                    address: node.address.clone(),
                    migrating: marks.get(&node.id).cloned().unwrap_or_default(),
                };
                (primary, node.ranges.clone())
            })
            .collect();
        // Every server names them in another order.
        primaries.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        Topology::of(primaries)
    }

    fn owners(&self) -> impl Iterator<Item = &Node> {
        self.primaries().filter(|node| !node.ranges.is_empty())
    }

    fn primaries(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.primary)
    }
}

/// Whether any slot has an older owner than the one known.
pub(super) fn older(seen: &[u64], known: &[u64]) -> bool {
    seen.iter().zip(known).any(|(seen, known)| seen < known)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::topology::nodes;

    fn view(text: &str) -> View {
        let asked = Address::parse("h:1").unwrap();
        View::new(nodes::read(text, &HashMap::new(), &asked).unwrap(), true)
    }

    const BEFORE: &str = "\
aaa h:1@1 myself,master - 0 0 1 connected 0-8191
bbb h:2@2 master - 0 0 2 connected 8192-16383
ccc h:3@3 slave aaa 0 0 1 connected
";
    const AFTER_A_FAILOVER: &str = "\
aaa h:1@1 master,fail - 0 0 1 disconnected
bbb h:2@2 myself,master - 0 0 2 connected 8192-16383
ccc h:3@3 master - 0 0 3 connected 0-8191
";

    #[test]
    fn a_failover_makes_a_newer_view_and_a_cut_off_primary_keeps_an_older_one() {
        let (before, after) = (view(BEFORE).epochs(), view(AFTER_A_FAILOVER).epochs());
        assert!(older(&before, &after));
        assert!(!older(&after, &before));
        assert!(!older(&after, &after));
    }

    #[test]
    fn the_primary_that_failed_is_no_longer_one() {
        let topology = view(AFTER_A_FAILOVER).topology(&Marks::new());
        assert_eq!(&*topology.primary_of(8_191).unwrap().id, "ccc");
        assert_eq!(&*topology.primary_of(8_192).unwrap().id, "bbb");
        assert!(topology.find("aaa").is_none());
    }

    #[test]
    fn marks_are_those_of_their_own_primary() {
        let marks = Marks::from([("bbb".into(), vec![(9_000, "aaa".into())])]);
        let topology = view(BEFORE).topology(&marks);
        assert_eq!(
            topology.find("bbb").unwrap().migrating,
            [(9_000, "aaa".into())]
        );
        assert!(topology.find("aaa").unwrap().migrating.is_empty());
    }

    #[test]
    fn a_primary_without_slots_is_known_for_slots_may_be_on_their_way_to_it() {
        let text = format!("{BEFORE}ddd h:4@4 master - 0 0 0 connected\n");
        assert!(view(&text).topology(&Marks::new()).find("ddd").is_some());
    }

    #[test]
    fn a_view_is_well_only_if_every_slot_has_an_owner_that_nobody_suspects() {
        assert!(view(BEFORE).is_well());
        assert!(view(AFTER_A_FAILOVER).is_well());
        assert!(!view(&BEFORE.replace("h:2@2 master", "h:2@2 master,fail?")).is_well());
        assert!(!view(&BEFORE.replace("8192-16383", "8193-16383")).is_well());
    }
}
