//! What a publisher may believe under `acked` and under `replicated`.

mod stage;

use std::time::Duration;

use fanline_broker::{Broker, Outcome, Publish, PublishError};
use fanline_broker_redis::RedisConfig;
use fanline_model::{Draft, MessageId, Payload, Retention};
use futures_util::future::join_all;
use redis::Role;
use tokio::time::sleep;

use stage::{GENEROUS, Stage, draft, hasty, patient, position, replicated, timed, until};

fn unknown(draft: &Draft) -> PublishError {
    PublishError::OutcomeUnknown(vec![draft.id.clone()])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replicated_publish_is_answered_once_the_replica_has_it() {
    let stage = Stage::open(patient()).await;
    stage.publish(&draft("first")).await.unwrap();
    let (_, replica) = stage.shard().await;
    for number in 0..50 {
        let text = format!("message {number}");
        stage.publish(&draft(&text)).await.unwrap();
        assert!(stage.has(replica, &text).await, "{text}");
    }
    // One that sleeps for a moment costs time and no error.
    let silence = Duration::from_millis(700);
    stage.cluster.server(replica).freeze().unwrap();
    let thaw = async {
        sleep(silence).await;
        stage.cluster.server(replica).thaw().unwrap();
    };
    let late = draft("late");
    let ((answer, took), ()) = tokio::join!(timed(stage.publish(&late)), thaw);
    answer.unwrap();
    assert!(took >= silence, "answered after {took:?}");
    assert!(stage.has(replica, "late").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_replica_the_outcome_is_unknown_and_a_retry_later_finds_the_same_place() {
    let config = hasty();
    let budget = config.retry_budget;
    let stage = Stage::open(config).await;
    let first = position(&stage.publish(&draft("first")).await.unwrap());
    let (_, replica) = stage.shard().await;
    stage.cluster.server(replica).freeze().unwrap();
    let pending = draft("pending");
    let (answer, took) = timed(stage.publish(&pending)).await;
    assert_eq!(answer, Err(unknown(&pending)));
    assert!(took < budget * 2, "told after {took:?}");
    let again = stage.publish_again(&pending).await;
    assert_eq!(
        again,
        Err(unknown(&pending)),
        "a retry is not told 200 for nothing"
    );
    stage.cluster.server(replica).thaw().unwrap();
    let mut outcomes = Vec::new();
    until(async || stage.publish_again(&pending).await.is_ok()).await;
    outcomes.extend(stage.publish_again(&pending).await.unwrap());
    let place = position(&outcomes);
    assert_eq!((place.epoch, place.seq), (first.epoch, first.seq + 1));
    assert!(matches!(*outcomes, [Outcome::Duplicate { .. }]));
    assert!(stage.has(replica, "pending").await);
    assert_eq!(stage.log().await.len(), 2, "it was published once");
    let stats = stage.broker.stats();
    assert!(
        stats.unknown >= 2 && stats.replication_shortfalls >= 2,
        "{stats:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_as_replicated_is_missing_after_a_failover() {
    let stage = Stage::open(hasty()).await;
    let acknowledged: Vec<_> = (0..200)
        .map(|number| draft(&format!("kept {number}")))
        .collect();
    for answer in join_all(acknowledged.iter().map(|draft| stage.publish(draft))).await {
        answer.unwrap();
    }
    let (primary, replica) = stage.shard().await;
    stage.cut_link(primary).await;
    let in_doubt: Vec<_> = (0..50)
        .map(|number| draft(&format!("doubt {number}")))
        .collect();
    for (draft, answer) in in_doubt
        .iter()
        .zip(join_all(in_doubt.iter().map(|draft| stage.publish(draft))).await)
    {
        assert_eq!(answer, Err(unknown(draft)));
    }
    let before = stage.log().await;
    assert_eq!(before.len(), 250, "delivered may exceed acknowledged");
    stage.cluster.server(primary).kill();
    until(async || matches!(stage.role(replica).await, Role::Primary { .. })).await;
    until(async || stage.broker.head(&stage.channel).await.is_ok()).await;
    let after = stage.log().await;
    for draft in &acknowledged {
        assert!(after.contains(&draft.id), "{:?} is lost", draft.id);
    }
    assert_eq!(
        after.len(),
        200,
        "the test must lose what was not acknowledged"
    );
    // A shard that lost either of its two servers takes the message and refuses to call it replicated.
    let last = &in_doubt[0];
    assert_eq!(stage.publish_again(last).await, Err(unknown(last)));
    stage.cluster.server(primary).restart().await.unwrap();
    until(async || stage.publish_again(last).await.is_ok()).await;
    assert!(stage.has(primary, "doubt 0").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_replicated_publish_fails_during_a_planned_failover() {
    let stage = Stage::open(patient()).await;
    stage.publish(&draft("first")).await.unwrap();
    let (_, replica) = stage.shard().await;
    let mut acknowledged = Vec::new();
    let publishing = async {
        let mut after = 0;
        while after < 50 {
            let next = draft("next");
            stage.publish(&next).await.unwrap();
            acknowledged.push(next.id);
            let is_primary = matches!(stage.role(replica).await, Role::Primary { .. });
            after += u32::from(is_primary);
        }
    };
    let both = async { tokio::join!(publishing, stage.cluster.failover_to(replica)) };
    let ((), failover) = tokio::time::timeout(GENEROUS, both).await.unwrap();
    failover.unwrap();
    let log = stage.log().await;
    assert!(acknowledged.iter().all(|id| log.contains(id)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_asked_of_a_shard_with_one_refuse_every_publish() {
    let stage = Stage::open(RedisConfig {
        replicas: 2,
        ..hasty()
    })
    .await;
    for text in ["one", "two"] {
        let draft = draft(text);
        assert_eq!(stage.publish(&draft).await, Err(unknown(&draft)));
    }
    // What nobody keeps waits for nobody.
    let waits = stage.waits().await;
    let mut ephemeral = draft("pointer");
    ephemeral.ephemeral = true;
    let carried = vec![Outcome::Appended { position: None }];
    assert_eq!(stage.publish(&ephemeral).await, Ok(carried.clone()));
    let no_log = Retention {
        history: None,
        ..replicated()
    };
    let publish = Publish {
        channel: fanline_broker::ChannelId::new(
            stage.channel.app.clone(),
            fanline_model::Channel::parse("pointers").unwrap(),
        ),
        ..stage.publish_of(&draft("no log"), no_log)
    };
    assert_eq!(stage.broker.publish(publish).await, Ok(carried));
    assert_eq!(stage.waits().await, waits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_replicated_publishes_at_once_share_a_few_waits_and_acked_ones_wait_for_nobody()
{
    let stage = Stage::open(patient()).await;
    for number in 0..100 {
        let publish = stage.publish_of(&draft(&format!("acked {number}")), Retention::default());
        stage.broker.publish(publish).await.unwrap();
    }
    assert_eq!(stage.waits().await, 0);
    let drafts: Vec<_> = (0..1_000)
        .map(|number| draft(&format!("m {number}")))
        .collect();
    // While the replica sleeps all of them come together, however slow this machine is.
    let (_, replica) = stage.shard().await;
    stage.cluster.server(replica).freeze().unwrap();
    let begun = async || stage.broker.stats().calls >= 1_100;
    let thaw = async {
        until(begun).await;
        stage.cluster.server(replica).thaw().unwrap();
    };
    let publishing = join_all(drafts.iter().map(|draft| stage.publish(draft)));
    let (answers, ()) = tokio::join!(publishing, thaw);
    let mut places: Vec<_> = answers
        .into_iter()
        .map(|answer| position(&answer.unwrap()).seq)
        .collect();
    places.sort_unstable();
    assert!(
        places.into_iter().eq(101..=1_100),
        "each has a place of its own"
    );
    let waits = stage.waits().await;
    assert!((2..50).contains(&waits), "{waits} waits");
    assert_eq!(stage.broker.stats().replication_waits, waits);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_refused_publish_of_a_batch_is_nobody_elses_affair() {
    let stage = Stage::open(patient()).await;
    let id = MessageId::parse("order-1:0").unwrap();
    let keyed = |text: &str, hash| Publish {
        items_hash: Some([hash; 16]),
        ..stage.publish_of(&Draft::new(id.clone(), Payload::text(text)), replicated())
    };
    stage.broker.publish(keyed("one", 1)).await.unwrap();
    let drafts = ["a", "b", "c", "d"].map(draft);
    let others = join_all(drafts.iter().map(|draft| stage.publish(draft)));
    let (others, mismatch) = tokio::join!(others, stage.broker.publish(keyed("other", 2)));
    assert_eq!(mismatch, Err(PublishError::IdempotencyMismatch(id.clone())));
    for answer in others {
        position(&answer.unwrap());
    }
}
