//! The suite of the [`Broker`](fanline_broker::Broker) port.

pub mod budget;
pub mod conditions;
pub mod dedupe;
pub mod faults;
pub mod follow;
mod harness;
pub mod isolation;
pub mod lifetime;
pub mod order;
pub mod read;
mod stage;
pub mod state;

pub use harness::{BrokerHarness, BrokerSetup, BrokerUnderTest, Faults};

/// Tests of the broker port: the argument is a [`BrokerHarness`].
#[macro_export]
macro_rules! broker_contract {
    ($harness:expr) => {
        $crate::contract_tests! { $harness;
            broker::order [
                the_first_message_has_seq_1_and_each_logged_one_the_next
                a_call_is_numbered_in_order_with_one_outcome_per_draft
                followers_hear_what_the_log_holds_in_its_order
                a_message_is_carried_whole
                an_ephemeral_message_is_carried_and_neither_numbered_nor_kept
                without_a_log_nothing_is_numbered
                publishers_at_once_never_share_a_position
                the_messages_of_one_call_stand_together
            ]
            broker::follow [
                every_message_after_the_answered_head_is_heard
                nobody_hears_a_channel_that_is_not_followed
                following_twice_is_one_following
                after_unfollow_nothing_is_heard
                a_channel_without_a_log_is_followed_without_a_head
                a_channel_that_has_just_begun_stands_at_seq_0
                every_head_of_a_quiet_channel_is_the_same
            ]
            broker::dedupe [
                an_id_is_published_once_and_answered_with_its_position
                a_call_publishes_what_is_no_duplicate
                the_same_ids_with_another_body_are_refused_and_nothing_is_published
                an_id_given_twice_in_one_call_is_published_once
                a_record_outlives_the_trim_of_the_log
                a_record_lives_for_its_window
                a_record_lives_for_the_window_it_was_made_with
                an_id_belongs_to_its_channel
                without_a_log_an_id_is_still_published_once
                an_ephemeral_message_with_an_id_is_carried_once
                a_retry_finds_what_the_server_named
                a_first_attempt_that_comes_after_its_retry_finds_it
                a_first_call_leaves_no_record_of_an_id_the_server_made
                full_records_refuse_what_would_need_one_and_evict_none
                duplicates_are_recognised_before_conditions_are_asked
            ]
            broker::conditions [
                if_position_holds_at_the_head_alone
                if_position_holds_before_the_first_message
                unless_equal_compares_with_the_last_value_of_the_key
                unless_equal_tells_kinds_and_removals_apart
                unless_equal_remembers_last_values_beyond_the_log
                a_version_must_be_greater_than_the_last_one_named
                a_version_of_a_refused_publish_does_not_count
                one_draft_that_does_not_fit_stops_the_whole_call
            ]
            broker::read [
                pages_follow_each_other_to_the_head
                a_page_ends_by_bytes_but_never_before_its_first_message
                after_the_head_there_is_nothing
                count_evicts_the_oldest
                bytes_evict_the_oldest
                the_window_evicts_whoever_publishes
                an_evicted_message_is_never_jumped_over
                what_was_never_heard_of_is_none
                a_channel_without_a_log_is_none
                heads_stand_in_the_order_asked
                a_page_and_its_head_are_of_one_moment
            ]
            broker::state [
                the_last_value_of_each_key_in_position_order
                a_message_without_a_key_is_the_value_of_the_empty_key
                a_removal_is_kept_as_the_last_value
                last_values_outlive_the_log
                last_values_expire
                ephemeral_messages_do_not_count
                a_channel_has_no_more_keys_than_its_rule_allows
                a_key_whose_value_expired_counts_no_more
                without_a_rule_there_is_no_state
            ]
            broker::lifetime [
                a_position_outlives_its_log
                an_unused_position_ends_and_another_epoch_begins
                publishing_and_reading_prolong_a_position
                a_follower_prolongs_a_position
                before_the_first_message_a_channel_lives_for_the_window_after_its_last_follower
                reading_does_not_prolong_a_channel_without_messages
                the_first_message_gives_a_channel_its_whole_time
                a_position_lives_as_long_as_its_log
                a_log_that_begins_again_continues_nothing
            ]
            broker::isolation [
                the_same_name_in_two_apps_is_two_channels
                no_app_hears_another
                the_channel_of_a_user_is_no_named_channel
            ]
        }
    };
}

/// Tests of a broker that holds each app to a budget of its own. Where many nodes share one store, that
/// budget is counted elsewhere.
#[macro_export]
macro_rules! broker_budget_contract {
    ($harness:expr) => {
        $crate::contract_tests! { $harness;
            broker::budget [
                one_channel_too_many_refuses_that_app_alone
                bytes_beyond_the_budget_refuse_that_app_alone
                a_full_log_makes_room_for_its_own_next_message
                what_was_trimmed_is_given_back
                a_refused_publish_leaves_nothing
            ]
        }
    };
}

/// Tests of what the broker port promises when things fail. The harness must have
/// [`Faults`].
#[macro_export]
macro_rules! broker_faults_contract {
    ($harness:expr) => {
        $crate::contract_tests! { $harness;
            broker::faults [
                a_fork_names_what_survived_and_seq_goes_on
                a_quiet_channel_answers_the_fork_at_once
                the_first_message_after_a_fork_carries_it
                what_was_lost_can_be_published_again
                what_survived_is_still_a_duplicate
                a_fork_takes_back_lost_values_and_versions
                the_newest_four_forks_are_remembered
                forgotten_metadata_begins_an_epoch_that_continues_nothing
                a_lost_message_is_in_the_log
                an_evicted_range_is_named
                a_disruption_is_announced_to_followers_alone
            ]
        }
    };
}
