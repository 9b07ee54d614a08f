//! The same message id gives the same position within its window.

use std::time::Duration;

use fanline_broker::{Condition, Outcome, Publish, PublishError};
use fanline_model::{Draft, Position, Retention};

use super::harness::{BrokerHarness, BrokerSetup};
use super::stage::{Stage, appended, ephemeral, keeping, named, only, text, texts};

const ONE_BODY: Option<[u8; 16]> = Some([1; 16]);
const ANOTHER_BODY: Option<[u8; 16]> = Some([2; 16]);

fn duplicate(position: Position) -> Outcome {
    Outcome::Duplicate {
        position: Some(position),
    }
}

/// A duplicate is answered with the place it got then, and not carried again.
pub async fn an_id_is_published_once_and_answered_with_its_position(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.follow(&channel).await;
    let first = appended(only(
        stage
            .publish_drafts(&channel, vec![named("k:0", "a")])
            .await,
    ));
    stage.publish(&channel, "b").await;
    assert_eq!(
        stage
            .publish_drafts(&channel, vec![named("k:0", "a")])
            .await,
        [duplicate(first)]
    );
    stage.hush(&channel).await;
    assert_eq!(
        texts(&stage.ear.messages(&channel)),
        ["a", "b", "a last word"]
    );
}

/// Every draft that is not a duplicate is published, whatever the order of the list.
pub async fn a_call_publishes_what_is_no_duplicate(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let first = appended(only(
        stage
            .publish_drafts(&channel, vec![named("k:0", "a")])
            .await,
    ));
    let drafts = vec![named("k:2", "c"), named("k:0", "a"), named("k:1", "b")];
    let outcomes = stage.publish_drafts(&channel, drafts).await;
    assert_eq!(outcomes[1], duplicate(first));
    assert_eq!(
        texts(&stage.page(&channel, 0).await.messages),
        ["a", "c", "b"]
    );
    let again: Vec<Outcome> = stage
        .publish_drafts(&channel, vec![named("k:1", "b"), named("k:2", "c")])
        .await;
    assert_eq!(
        again,
        [
            duplicate(appended(outcomes[2].clone())),
            duplicate(appended(outcomes[0].clone()))
        ]
    );
}

/// The same ids with another hash: nothing of the call is published.
pub async fn the_same_ids_with_another_body_are_refused_and_nothing_is_published(
    harness: &dyn BrokerHarness,
) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let call = |items_hash, drafts: Vec<Draft>| Publish {
        items_hash,
        ..stage.call(&channel, drafts)
    };
    let first = appended(only(
        stage
            .send(call(ONE_BODY, vec![named("k:0", "a")]))
            .await
            .unwrap(),
    ));

    let refused = stage
        .send(call(
            ANOTHER_BODY,
            vec![named("k:1", "b"), named("k:0", "x")],
        ))
        .await;
    let id = named("k:0", "").id;
    assert_eq!(refused, Err(PublishError::IdempotencyMismatch(id)));
    assert_eq!(texts(&stage.page(&channel, 0).await.messages), ["a"]);

    let same = stage
        .send(call(ONE_BODY, vec![named("k:0", "a")]))
        .await
        .unwrap();
    assert_eq!(same, [duplicate(first)]);
    let unsaid = stage
        .send(call(None, vec![named("k:0", "a")]))
        .await
        .unwrap();
    assert_eq!(unsaid, [duplicate(first)]);
    let anew = stage
        .send(call(ANOTHER_BODY, vec![named("k:1", "b")]))
        .await
        .unwrap();
    assert_eq!(
        appended(only(anew)).seq,
        2,
        "the refused call left no record"
    );
}

/// Within one call too.
pub async fn an_id_given_twice_in_one_call_is_published_once(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let outcomes = stage
        .publish_drafts(&channel, vec![named("k", "a"), named("k", "a")])
        .await;
    let first = appended(outcomes[0].clone());
    assert_eq!(outcomes[1], duplicate(first));
    assert_eq!(texts(&stage.page(&channel, 0).await.messages), ["a"]);
}

/// A record is independent of the log's trim.
pub async fn a_record_outlives_the_trim_of_the_log(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention = keeping(1);
    let channel = stage.channel("orders.1");
    let first = appended(only(
        stage.publish_drafts(&channel, vec![named("k", "a")]).await,
    ));
    stage.publish_many(&channel, 3).await;
    assert!(stage.head(&channel).await.unwrap().evicted_through >= first.seq);
    assert_eq!(
        stage.publish_drafts(&channel, vec![named("k", "a")]).await,
        [duplicate(first)]
    );
}

/// A record lives for `idempotency_window`, counted from the publish.
pub async fn a_record_lives_for_its_window(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention.idempotency_window = Duration::from_secs(60);
    let channel = stage.channel("orders.1");
    let first = appended(only(
        stage.publish_drafts(&channel, vec![named("k", "a")]).await,
    ));
    stage.advance(Duration::from_secs(59)).await;
    assert_eq!(
        stage.publish_drafts(&channel, vec![named("k", "a")]).await,
        [duplicate(first)]
    );
    stage.advance(Duration::from_secs(2)).await;
    let anew = appended(only(
        stage.publish_drafts(&channel, vec![named("k", "a")]).await,
    ));
    assert_eq!(anew.seq, first.seq + 1);
}

/// A record lives for the window of its own publish, whatever the rule became since.
pub async fn a_record_lives_for_the_window_it_was_made_with(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.retention.idempotency_window = Duration::from_secs(100);
    let long = appended(only(
        stage
            .publish_drafts(&channel, vec![named("long", "a")])
            .await,
    ));
    stage.retention.idempotency_window = Duration::from_secs(10);
    stage
        .publish_drafts(&channel, vec![named("short", "a")])
        .await;
    stage.advance(Duration::from_secs(50)).await;
    assert_eq!(
        stage
            .publish_drafts(&channel, vec![named("long", "a")])
            .await,
        [duplicate(long)]
    );
    assert_eq!(
        appended(only(
            stage
                .publish_drafts(&channel, vec![named("short", "a")])
                .await
        ))
        .seq,
        3
    );
}

/// Ids are names within a channel.
pub async fn an_id_belongs_to_its_channel(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let (one, two) = (stage.channel("one"), stage.channel("two"));
    let first = appended(only(
        stage.publish_drafts(&one, vec![named("k", "a")]).await,
    ));
    let second = appended(only(
        stage.publish_drafts(&two, vec![named("k", "a")]).await,
    ));
    assert_ne!(first, second);
}

/// Without a log there is no position, but a duplicate is one.
pub async fn without_a_log_an_id_is_still_published_once(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention = Retention {
        history: None,
        ..stage.retention
    };
    let channel = stage.channel("typing.1");
    let first = stage.publish_drafts(&channel, vec![named("k", "a")]).await;
    assert_eq!(first, [Outcome::Appended { position: None }]);
    let again = stage.publish_drafts(&channel, vec![named("k", "a")]).await;
    assert_eq!(again, [Outcome::Duplicate { position: None }]);
}

/// An ephemeral message is not kept, but its id is recorded like any other that the publisher gave.
pub async fn an_ephemeral_message_with_an_id_is_carried_once(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.follow(&channel).await;
    let pointer = || Draft {
        id: named("k", "").id,
        ..ephemeral("pointer")
    };
    stage.publish_drafts(&channel, vec![pointer()]).await;
    let again = stage.publish_drafts(&channel, vec![pointer()]).await;
    assert_eq!(again, [Outcome::Duplicate { position: None }]);
    stage.hush(&channel).await;
    assert_eq!(
        texts(&stage.ear.messages(&channel)),
        ["pointer", "a last word"]
    );
}

/// A retry searches the log for ids that the server made, and records them.
pub async fn a_retry_finds_what_the_server_named(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention = keeping(3);
    let channel = stage.channel("orders.1");
    let drafts = vec![text("a"), text("b")];
    let first = stage.publish_drafts(&channel, drafts.clone()).await;
    let retry = || Publish {
        retry: true,
        ..stage.call(&channel, drafts.clone())
    };
    let expected: Vec<_> = first
        .into_iter()
        .map(|outcome| duplicate(appended(outcome)))
        .collect();
    assert_eq!(stage.send(retry()).await.unwrap(), expected);

    stage.publish_many(&channel, 5).await;
    assert_eq!(
        stage.page(&channel, 0).await.messages.len(),
        0,
        "the first messages are trimmed"
    );
    assert_eq!(
        stage.send(retry()).await.unwrap(),
        expected,
        "the retry recorded what it found"
    );
}

/// A first attempt that a frozen broker executes after its own retry must find it.
pub async fn a_first_attempt_that_comes_after_its_retry_finds_it(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let attempt = stage.call(&channel, vec![text("a")]);
    let retry = Publish {
        retry: true,
        ..attempt.clone()
    };
    let position = appended(only(stage.send(retry).await.unwrap()));
    assert_eq!(stage.send(attempt).await.unwrap(), [duplicate(position)]);
}

/// Ids that the server made are recorded only when a call says `retry`: a first call takes no room.
pub async fn a_first_call_leaves_no_record_of_an_id_the_server_made(harness: &dyn BrokerHarness) {
    let setup = BrokerSetup {
        idempotency_records: 1,
        ..BrokerSetup::default()
    };
    let stage = Stage::with(harness, setup).await;
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 5).await;
    stage.publish_drafts(&channel, vec![named("k", "a")]).await;
}

/// At the cap a publish that would need a record is refused, never an old record forgotten.
pub async fn full_records_refuse_what_would_need_one_and_evict_none(harness: &dyn BrokerHarness) {
    let setup = BrokerSetup {
        idempotency_records: 2,
        ..BrokerSetup::default()
    };
    let stage = Stage::with(harness, setup).await;
    let channel = stage.channel("orders.1");
    let drafts = vec![named("k:0", "a"), named("k:1", "b")];
    let first = stage.publish_drafts(&channel, drafts.clone()).await;
    let refused = stage
        .send(stage.call(&channel, vec![named("k:2", "c")]))
        .await;
    assert_eq!(refused, Err(PublishError::RecordsFull));
    assert_eq!(stage.head(&channel).await.unwrap().position.seq, 2);

    let again = stage.publish_drafts(&channel, drafts).await;
    assert_eq!(
        again,
        first
            .into_iter()
            .map(|o| duplicate(appended(o)))
            .collect::<Vec<_>>()
    );
    stage.publish(&channel, "an id that needs no record").await;

    stage
        .advance(stage.retention.idempotency_window + Duration::from_secs(1))
        .await;
    stage
        .publish_drafts(&channel, vec![named("k:2", "c")])
        .await;
}

/// Order inside: dedupe, then condition. A retry of a conditional publish is told its position.
pub async fn duplicates_are_recognised_before_conditions_are_asked(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let version = || Condition::Version(7);
    let first = appended(stage.publish_if(&channel, version(), named("k", "a")).await);
    assert_eq!(
        stage.publish_if(&channel, version(), named("k", "a")).await,
        duplicate(first)
    );
}
