//! Last values per key.

use std::time::Duration;

use fanline_broker::PublishError;
use fanline_model::{Draft, StateRule};

use super::harness::BrokerHarness;
use super::stage::{Stage, ephemeral, keeping, keyed, seqs, text, texts};

const TTL: Duration = Duration::from_secs(600);

/// A stage whose channels keep last values.
async fn open(harness: &dyn BrokerHarness) -> Stage {
    let mut stage = Stage::open(harness).await;
    stage.retention.state = Some(StateRule { ttl: TTL, keys: 3 });
    stage
}

/// The last value of each key, in position order, and the head of the same moment.
pub async fn the_last_value_of_each_key_in_position_order(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("orders.1");
    let drafts = vec![
        keyed("a", "1"),
        keyed("b", "1"),
        keyed("c", "1"),
        keyed("a", "2"),
    ];
    stage.publish_drafts(&channel, drafts).await;
    let state = stage.state(&channel).await;
    assert_eq!(
        (seqs(&state.messages), state.head.position.seq),
        (vec![2, 3, 4], 4)
    );
    assert_eq!(texts(&state.messages), ["1", "1", "2"]);
}

/// A message without a key is the last value of the empty key.
pub async fn a_message_without_a_key_is_the_value_of_the_empty_key(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("cache-1");
    stage
        .publish_drafts(&channel, vec![text("1"), text("2"), keyed("", "3")])
        .await;
    assert_eq!(texts(&stage.state(&channel).await.messages), ["3"]);
    stage.publish(&channel, "4").await;
    assert_eq!(texts(&stage.state(&channel).await.messages), ["4"]);
}

/// A removal takes the value's place and is itself kept, so that whoever was away learns of it.
pub async fn a_removal_is_kept_as_the_last_value(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("orders.1");
    let removal = Draft {
        removed: true,
        ..keyed("a", "")
    };
    stage
        .publish_drafts(&channel, vec![keyed("a", "1"), removal])
        .await;
    let state = stage.state(&channel).await;
    assert_eq!(seqs(&state.messages), [2]);
    assert!(state.messages[0].draft.removed);
}

/// Last values outlive the log's trim.
pub async fn last_values_outlive_the_log(harness: &dyn BrokerHarness) {
    let mut stage = open(harness).await;
    stage.retention.history = keeping(1).history;
    let channel = stage.channel("orders.1");
    stage
        .publish_drafts(
            &channel,
            vec![keyed("a", "1"), keyed("b", "1"), keyed("a", "2")],
        )
        .await;
    assert_eq!(stage.head(&channel).await.unwrap().evicted_through, 2);
    assert_eq!(seqs(&stage.state(&channel).await.messages), [2, 3]);
    stage.advance(TTL / 2).await;
    let state = stage.state(&channel).await;
    assert_eq!(
        (seqs(&state.messages), state.head.evicted_through),
        (vec![2, 3], 3)
    );
}

/// A last value is kept for the rule's time, counted from its own publish.
pub async fn last_values_expire(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_drafts(&channel, vec![keyed("a", "1")]).await;
    stage.advance(TTL / 2).await;
    stage.publish_drafts(&channel, vec![keyed("b", "1")]).await;
    stage.advance(TTL / 2 + Duration::from_secs(1)).await;
    assert_eq!(seqs(&stage.state(&channel).await.messages), [2]);
}

/// Ephemeral messages are nobody's last value.
pub async fn ephemeral_messages_do_not_count(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("cache-1");
    stage
        .publish_drafts(&channel, vec![text("kept"), ephemeral("passing")])
        .await;
    assert_eq!(texts(&stage.state(&channel).await.messages), ["kept"]);
}

/// A publish beyond the cap on keys is refused whole; known keys go on.
pub async fn a_channel_has_no_more_keys_than_its_rule_allows(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("orders.1");
    stage
        .publish_drafts(&channel, vec![keyed("a", "1"), keyed("b", "1")])
        .await;
    let drafts = vec![keyed("c", "1"), keyed("d", "1")];
    let refused = stage.send(stage.call(&channel, drafts)).await;
    assert_eq!(refused, Err(PublishError::KeysFull));
    assert_eq!(stage.head(&channel).await.unwrap().position.seq, 2);
    stage
        .publish_drafts(
            &channel,
            vec![keyed("c", "1"), keyed("c", "2"), keyed("a", "2")],
        )
        .await;
}

/// A value that expires makes room for another key.
pub async fn a_key_whose_value_expired_counts_no_more(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_drafts(&channel, vec![keyed("a", "1")]).await;
    stage.advance(TTL / 2).await;
    stage
        .publish_drafts(&channel, vec![keyed("b", "1"), keyed("c", "1")])
        .await;
    stage.advance(TTL / 2 + Duration::from_secs(1)).await;
    stage.publish_drafts(&channel, vec![keyed("d", "1")]).await;
    assert_eq!(seqs(&stage.state(&channel).await.messages), [2, 3, 4]);
}

/// A channel whose rule keeps no last values has a state that is empty, with its head.
pub async fn without_a_rule_there_is_no_state(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_drafts(&channel, vec![keyed("a", "1")]).await;
    let state = stage.state(&channel).await;
    assert_eq!((state.messages.len(), state.head.position.seq), (0, 1));
}
