//! What must hold, or nothing happens.

use fanline_broker::{Condition, Outcome, Publish, UnchangedReason};
use fanline_model::{Draft, Epoch, Payload, Position, StateRule, SystemRandom};

use super::harness::BrokerHarness;
use super::stage::{Stage, appended, keeping, keyed, named, text, texts};

fn unchanged(reason: UnchangedReason, head: Position) -> Outcome {
    Outcome::Unchanged {
        reason,
        head: Some(head),
    }
}

/// The head is exactly this position: epoch and seq.
pub async fn if_position_holds_at_the_head_alone(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let first = stage.publish(&channel, "a").await;
    let second = appended(
        stage
            .publish_if(&channel, Condition::IfPosition(first), text("b"))
            .await,
    );

    let refused = unchanged(UnchangedReason::Position, second);
    assert_eq!(
        stage
            .publish_if(&channel, Condition::IfPosition(first), text("c"))
            .await,
        refused
    );
    let elsewhere = Position {
        epoch: Epoch::generate(&SystemRandom),
        ..second
    };
    assert_eq!(
        stage
            .publish_if(&channel, Condition::IfPosition(elsewhere), text("c"))
            .await,
        refused
    );
    assert_eq!(texts(&stage.page(&channel, 0).await.messages), ["a", "b"]);
}

/// Seq 0 of the epoch is a position too.
pub async fn if_position_holds_before_the_first_message(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let head = stage.follow(&channel).await.position;
    let first = appended(
        stage
            .publish_if(&channel, Condition::IfPosition(head), text("a"))
            .await,
    );
    assert_eq!((first.epoch, first.seq), (head.epoch, 1));
}

/// The last value of the draft's key is not byte for byte this payload.
pub async fn unless_equal_compares_with_the_last_value_of_the_key(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let publish = async |draft| {
        stage
            .publish_if(&channel, Condition::UnlessEqual, draft)
            .await
    };
    appended(publish(keyed("a", "1")).await);
    appended(publish(keyed("b", "1")).await);
    let head = appended(publish(text("1")).await);
    let refused = unchanged(UnchangedReason::Equal, head);
    assert_eq!(publish(keyed("a", "1")).await, refused);
    assert_eq!(publish(keyed("b", "1")).await, refused);
    assert_eq!(publish(text("1")).await, refused);
    appended(publish(keyed("a", "2")).await);
    appended(publish(keyed("a", "1")).await);
}

/// Equal means kind and bytes, and a removal equals only a removal.
pub async fn unless_equal_tells_kinds_and_removals_apart(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let publish = async |draft| {
        stage
            .publish_if(&channel, Condition::UnlessEqual, draft)
            .await
    };
    let json = || Draft {
        payload: Payload::json("1"),
        ..keyed("a", "")
    };
    let removal = || Draft {
        removed: true,
        ..keyed("a", "1")
    };
    appended(publish(keyed("a", "1")).await);
    appended(publish(json()).await);
    appended(publish(keyed("a", "1")).await);
    let head = appended(publish(removal()).await);
    assert_eq!(
        publish(removal()).await,
        unchanged(UnchangedReason::Equal, head)
    );
    appended(publish(keyed("a", "1")).await);
}

/// Where a rule keeps last values, the log's trim forgets none of them.
pub async fn unless_equal_remembers_last_values_beyond_the_log(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention = keeping(1);
    stage.retention.state = Some(StateRule {
        ttl: stage.retention.position_ttl,
        keys: 10,
    });
    let channel = stage.channel("orders.1");
    stage
        .publish_drafts(
            &channel,
            vec![keyed("a", "1"), keyed("b", "1"), keyed("c", "1")],
        )
        .await;
    let head = stage.head(&channel).await.unwrap().position;
    let again = stage
        .publish_if(&channel, Condition::UnlessEqual, keyed("a", "1"))
        .await;
    assert_eq!(again, unchanged(UnchangedReason::Equal, head));
}

/// The version is greater than that of the last publish with a version.
pub async fn a_version_must_be_greater_than_the_last_one_named(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let publish = async |version| {
        stage
            .publish_if(&channel, Condition::Version(version), text("v"))
            .await
    };
    appended(publish(5).await);
    appended(publish(7).await);
    let head = stage
        .publish(&channel, "a publish without a version changes nothing")
        .await;
    assert_eq!(publish(7).await, unchanged(UnchangedReason::Version, head));
    assert_eq!(publish(6).await, unchanged(UnchangedReason::Version, head));
    appended(publish(8).await);
}

/// Only what was published counts as the last version.
pub async fn a_version_of_a_refused_publish_does_not_count(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let version = Condition::Version;
    appended(
        stage
            .publish_if(&channel, version(5), named("k", "a"))
            .await,
    );
    let duplicate = stage
        .publish_if(&channel, version(9), named("k", "a"))
        .await;
    assert!(
        matches!(duplicate, Outcome::Duplicate { .. }),
        "{duplicate:?}"
    );
    appended(stage.publish_if(&channel, version(6), text("b")).await);
}

/// A condition that does not hold: none of the call is published.
pub async fn one_draft_that_does_not_fit_stops_the_whole_call(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_drafts(&channel, vec![keyed("a", "1")]).await;
    let head = stage.head(&channel).await.unwrap().position;
    let drafts = vec![keyed("b", "1"), keyed("a", "1")];
    let call = Publish {
        condition: Some(Condition::UnlessEqual),
        ..stage.call(&channel, drafts)
    };
    let outcomes = stage.send(call).await.unwrap();
    assert_eq!(outcomes, vec![unchanged(UnchangedReason::Equal, head); 2]);
    assert_eq!(stage.head(&channel).await.unwrap().position, head);
}
