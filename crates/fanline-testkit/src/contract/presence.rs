//! The suite of the [`Presence`](fanline_broker::Presence) port.

pub mod changes;
mod harness;
pub mod leases;
pub mod roster;
mod stage;

pub use harness::{PresenceHarness, PresenceUnderTest};

/// Tests of the presence port: the argument is a
/// [`PresenceHarness`].
#[macro_export]
macro_rules! presence_contract {
    ($harness:expr) => {
        $crate::contract_tests! { $harness;
            presence::changes [
                the_first_entry_of_a_member_is_its_join_and_the_last_its_leave
                an_entry_that_comes_again_is_replaced
                an_update_replaces_data_and_keeps_what_is_vouched_for
                nobody_updates_who_has_not_entered
                an_entry_leaves_once
                every_change_takes_the_next_revision
                followers_hear_every_change_in_the_order_of_revisions
                without_a_follower_nothing_is_heard
                a_full_channel_refuses_new_members_and_no_connection_of_a_present_one
                the_same_name_in_two_apps_is_two_rosters
                members_at_once_are_counted_once
            ]
            presence::leases [
                an_entry_that_is_not_refreshed_leaves_once
                a_refreshed_entry_stays
                a_refresh_names_what_is_gone
                what_outlived_its_lease_is_gone_for_everyone_who_asks
                entering_again_starts_the_lease_again
                a_member_leaves_with_its_last_lease
            ]
            presence::roster [
                a_roster_is_ordered_by_member_and_connection
                pages_cover_the_roster_without_a_gap
                a_page_shows_the_revision_of_the_last_change
                revisions_are_those_of_the_rosters
                a_channel_that_nobody_entered_is_empty
                a_numbering_begins_with_an_entry
                a_revision_is_never_made_twice
                the_numbering_of_a_followed_channel_goes_on
            ]
        }
    };
}
