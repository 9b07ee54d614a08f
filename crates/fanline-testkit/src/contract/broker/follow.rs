//! Following is acknowledged, and true from then on.

use std::sync::Arc;

use fanline_model::Retention;

use super::harness::BrokerHarness;
use super::stage::{Stage, seqs, text, texts};

/// Every message after the returned head will be delivered.
pub async fn every_message_after_the_answered_head_is_heard(harness: &dyn BrokerHarness) {
    let stage = Arc::new(Stage::open(harness).await);
    let channel = stage.channel("orders.1");
    let publisher = {
        let (stage, channel) = (Arc::clone(&stage), channel.clone());
        tokio::spawn(async move {
            for n in 0..200 {
                stage.publish(&channel, &n.to_string()).await;
                tokio::task::yield_now().await;
            }
        })
    };
    while stage
        .head(&channel)
        .await
        .is_none_or(|head| head.position.seq < 20)
    {
        tokio::task::yield_now().await;
    }
    let head = stage.follow(&channel).await.position.seq;
    publisher.await.unwrap();
    stage.hush(&channel).await;
    let heard = seqs(&stage.ear.messages(&channel));
    let after: Vec<_> = heard.into_iter().filter(|seq| *seq > head).collect();
    assert_eq!(after, (head + 1..=201).collect::<Vec<_>>());
}

/// Only a followed channel is carried to this node's feed.
pub async fn nobody_hears_a_channel_that_is_not_followed(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let (quiet, loud) = (stage.channel("quiet"), stage.channel("loud"));
    stage.follow(&loud).await;
    stage.publish_many(&quiet, 3).await;
    stage.hush(&loud).await;
    assert_eq!(stage.ear.of(&quiet), []);
}

/// Following twice is one following.
pub async fn following_twice_is_one_following(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let (channel, other) = (stage.channel("orders.1"), stage.channel("other"));
    stage.follow(&other).await;
    assert_eq!(stage.follow(&channel).await, stage.follow(&channel).await);
    stage.publish(&channel, "once").await;
    stage.hush(&channel).await;
    assert_eq!(
        texts(&stage.ear.messages(&channel)),
        ["once", "a last word"]
    );

    stage.broker().unfollow(&channel).await;
    stage.hush(&other).await;
    let before = stage.ear.of(&channel).len();
    stage.publish(&channel, "nobody hears").await;
    stage.hush(&other).await;
    assert_eq!(stage.ear.of(&channel).len(), before);
}

/// Unfollowing ends it; followed again, it goes on from the head answered then.
pub async fn after_unfollow_nothing_is_heard(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let (channel, other) = (stage.channel("orders.1"), stage.channel("other"));
    stage.follow(&other).await;
    stage.follow(&channel).await;
    stage.broker().unfollow(&channel).await;
    stage.broker().unfollow(&channel).await;
    stage.hush(&other).await;
    let unheard = stage.publish(&channel, "unheard").await;
    stage.hush(&other).await;
    assert_eq!(stage.ear.of(&channel), []);
    assert_eq!(stage.follow(&channel).await.position, unheard);
    stage.publish(&channel, "heard").await;
    assert_eq!(texts(&stage.hear(&channel, 1).await), ["heard"]);
}

/// `None` where the retention keeps no log; what is published is heard all the same.
pub async fn a_channel_without_a_log_is_followed_without_a_head(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention = Retention {
        history: None,
        ..stage.retention
    };
    let channel = stage.channel("typing.1");
    assert_eq!(
        stage
            .broker()
            .follow(&channel, &stage.retention)
            .await
            .unwrap(),
        None
    );
    stage.publish_drafts(&channel, vec![text("a")]).await;
    assert_eq!(texts(&stage.hear(&channel, 1).await), ["a"]);
}

/// A head with seq 0 is a position like any other: the first message continues it.
pub async fn a_channel_that_has_just_begun_stands_at_seq_0(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let head = stage.follow(&channel).await;
    assert_eq!((head.position.seq, head.evicted_through), (0, 0));
    assert_eq!(head.lineage.forks(), []);
    let first = stage.publish(&channel, "a").await;
    assert_eq!((first.epoch, first.seq), (head.position.epoch, 1));
}

/// No head is answered that a later answer contradicts.
pub async fn every_head_of_a_quiet_channel_is_the_same(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 3).await;
    let head = stage.follow(&channel).await;
    assert_eq!(head.position.seq, 3);
    assert_eq!(stage.page(&channel, 3).await.head, head);
    assert_eq!(stage.state(&channel).await.head, head);
    assert_eq!(stage.head(&channel).await, Some(head.clone()));
    stage.broker().unfollow(&channel).await;
    assert_eq!(stage.follow(&channel).await, head);
}
