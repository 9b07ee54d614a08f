//! The suite of the [`Nodes`](fanline_broker::Nodes) port.

mod harness;
pub mod leases;
pub mod listing;
mod stage;

pub use harness::{NodesHarness, NodesUnderTest};

/// Tests of the registry of nodes: the argument is a
/// [`NodesHarness`].
#[macro_export]
macro_rules! nodes_contract {
    ($harness:expr) => {
        $crate::contract_tests! { $harness;
            nodes::listing [
                whoever_announced_itself_is_listed_with_all_it_said
                a_node_is_listed_once_with_what_it_said_last
                nodes_are_listed_by_name_and_id
                the_start_of_a_node_is_told_by_the_registry_and_stays_the_same
                nobody_is_listed_before_somebody_announced_itself
            ]
            nodes::leases [
                whoever_falls_silent_is_listed_no_longer_than_its_lease
                an_announcement_begins_the_lease_anew
                whoever_withdraws_is_gone_at_once
                a_former_life_withdraws_nothing_of_the_present_one
                whoever_is_gone_may_come_back
            ]
        }
    };
}
