//! How long a position is remembered.

use std::time::Duration;

use fanline_model::{History, Retention};

use super::harness::BrokerHarness;
use super::stage::{Stage, seqs, text};

const WINDOW: Duration = Duration::from_secs(60);
const POSITION_TTL: Duration = Duration::from_secs(3_600);
const MOMENT: Duration = Duration::from_secs(2);

async fn open(harness: &dyn BrokerHarness) -> Stage {
    let mut stage = Stage::open(harness).await;
    stage.retention.history = Some(History {
        window: WINDOW,
        ..History::default()
    });
    stage.retention.position_ttl = POSITION_TTL;
    stage
}

/// A quiet channel reports no loss that never was.
pub async fn a_position_outlives_its_log(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("orders.1");
    let last = stage.publish(&channel, "a").await;
    stage.advance(POSITION_TTL - MOMENT).await;
    let head = stage.head(&channel).await.unwrap();
    assert_eq!((head.position, head.evicted_through), (last, 1));
    let next = stage.publish(&channel, "b").await;
    assert_eq!((next.epoch, next.seq), (last.epoch, 2));
}

/// What nobody used for `position_ttl` is forgotten, and what comes next continues nothing.
pub async fn an_unused_position_ends_and_another_epoch_begins(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("orders.1");
    let last = stage.publish(&channel, "a").await;
    stage.advance(POSITION_TTL + MOMENT).await;
    assert_eq!(stage.head(&channel).await, None);
    let head = stage.follow(&channel).await;
    assert_ne!(head.position.epoch, last.epoch);
    assert_eq!(head.lineage.survived(last.epoch), None);
}

/// Publishing and reading prolong a position.
pub async fn publishing_and_reading_prolong_a_position(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("orders.1");
    let first = stage.publish(&channel, "a").await;
    stage.advance(POSITION_TTL - MOMENT).await;
    assert_eq!(stage.page(&channel, 1).await.head.position, first);
    stage.advance(POSITION_TTL - MOMENT).await;
    let second = stage.publish(&channel, "b").await;
    stage.advance(POSITION_TTL - MOMENT).await;
    assert_eq!(stage.head(&channel).await.unwrap().position, second);
    assert_eq!(second.epoch, first.epoch);
}

/// While a node follows it, a channel is remembered; its time begins with the end of that.
pub async fn a_follower_prolongs_a_position(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("orders.1");
    let last = stage.publish(&channel, "a").await;
    stage.follow(&channel).await;
    for _ in 0..3 {
        stage.advance(POSITION_TTL - MOMENT).await;
        // Whoever follows sweeps: that is how a broker elsewhere learns that the channel is in use.
        stage.head(&channel).await;
    }
    stage.broker().unfollow(&channel).await;
    stage.advance(POSITION_TTL - MOMENT).await;
    assert_eq!(stage.head(&channel).await.unwrap().position, last);
    stage.advance(POSITION_TTL + MOMENT).await;
    assert_eq!(stage.head(&channel).await, None);
}

/// TENANCY 22: a loop over random names leaves nothing for long.
pub async fn before_the_first_message_a_channel_lives_for_the_window_after_its_last_follower(
    harness: &dyn BrokerHarness,
) {
    let stage = open(harness).await;
    let channel = stage.channel("random.1");
    let begun = stage.follow(&channel).await.position;
    stage.broker().unfollow(&channel).await;
    stage.advance(WINDOW - MOMENT).await;
    assert_eq!(stage.follow(&channel).await.position, begun);
    stage.broker().unfollow(&channel).await;
    stage.advance(WINDOW + MOMENT).await;
    assert_eq!(stage.head(&channel).await, None);
}

/// Before the first message, only who follows prolongs a channel's life, not who asks.
pub async fn reading_does_not_prolong_a_channel_without_messages(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("random.1");
    stage.follow(&channel).await;
    stage.broker().unfollow(&channel).await;
    stage.advance(WINDOW - MOMENT).await;
    assert_eq!(stage.page(&channel, 0).await.head.position.seq, 0);
    assert!(stage.head(&channel).await.is_some());
    stage.advance(2 * MOMENT).await;
    assert_eq!(stage.head(&channel).await, None);
}

/// From its first message on, a channel's position lives for `position_ttl`.
pub async fn the_first_message_gives_a_channel_its_whole_time(harness: &dyn BrokerHarness) {
    let stage = open(harness).await;
    let channel = stage.channel("orders.1");
    stage.follow(&channel).await;
    stage.broker().unfollow(&channel).await;
    stage.advance(WINDOW - MOMENT).await;
    let first = stage.publish(&channel, "a").await;
    stage.advance(POSITION_TTL - MOMENT).await;
    assert_eq!(stage.head(&channel).await.unwrap().position, first);
}

/// A position is never forgotten before its log.
pub async fn a_position_lives_as_long_as_its_log(harness: &dyn BrokerHarness) {
    let mut stage = open(harness).await;
    stage.retention.position_ttl = WINDOW / 10;
    let channel = stage.channel("orders.1");
    stage.publish(&channel, "a").await;
    stage.advance(WINDOW - MOMENT).await;
    assert_eq!(seqs(&stage.page(&channel, 0).await.messages), [1]);
}

/// What was published while no log was kept has no number: nobody may resume across it.
pub async fn a_log_that_begins_again_continues_nothing(harness: &dyn BrokerHarness) {
    let mut stage = open(harness).await;
    let channel = stage.channel("orders.1");
    let logged = stage.retention;
    let before = stage.publish(&channel, "numbered").await;
    stage.retention = Retention {
        history: None,
        ..logged
    };
    stage
        .publish_drafts(&channel, vec![text("unnumbered")])
        .await;
    assert_eq!(stage.head(&channel).await, None);
    stage.retention = logged;
    let after = stage.publish(&channel, "numbered again").await;
    assert_ne!(after.epoch, before.epoch);
    let page = stage.page(&channel, after.seq - 1).await;
    assert_eq!(page.head.lineage.survived(before.epoch), None);
    assert_eq!(seqs(&page.messages), [after.seq]);
}
