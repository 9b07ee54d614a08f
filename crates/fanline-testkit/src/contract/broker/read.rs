//! Reading the log and heads.

use std::sync::Arc;
use std::time::Duration;

use fanline_broker::PageLimit;
use fanline_model::{History, Retention};

use super::harness::BrokerHarness;
use super::stage::{ALL, Stage, keeping, seqs, text};

/// Consecutive messages after the asked seq, oldest first.
pub async fn pages_follow_each_other_to_the_head(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 10).await;
    let limit = PageLimit { messages: 4, ..ALL };
    let (mut after, mut pages) = (0, Vec::new());
    loop {
        let page = stage
            .broker()
            .read(&channel, after, limit)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(page.head.position.seq, 10);
        let Some(last) = seqs(&page.messages).last().copied() else {
            break;
        };
        pages.push(seqs(&page.messages));
        after = last;
    }
    assert_eq!(pages, [vec![1, 2, 3, 4], vec![5, 6, 7, 8], vec![9, 10]]);
}

/// Whichever bound is met first ends the page, but never before its first message.
pub async fn a_page_ends_by_bytes_but_never_before_its_first_message(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 5).await;
    let read = async |messages, bytes| {
        let limit = PageLimit { messages, bytes };
        seqs(
            &stage
                .broker()
                .read(&channel, 1, limit)
                .await
                .unwrap()
                .unwrap()
                .messages,
        )
    };
    let weight = text("0").weight();
    assert_eq!(read(usize::MAX, 0).await, [2]);
    assert_eq!(read(0, usize::MAX).await, [2]);
    assert_eq!(read(usize::MAX, 2 * weight).await, [2, 3]);
    assert_eq!(read(usize::MAX, 3 * weight - 1).await, [2, 3]);
    assert_eq!(read(1, 3 * weight).await, [2]);
}

/// At the head, and beyond it, the page is empty and names the head.
pub async fn after_the_head_there_is_nothing(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 2).await;
    for after in [2, 3, u64::MAX] {
        let page = stage.page(&channel, after).await;
        assert_eq!(
            (page.messages.len(), page.head.position.seq),
            (0, 2),
            "after {after}"
        );
    }
}

/// The log keeps so many messages.
pub async fn count_evicts_the_oldest(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention = keeping(3);
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 3).await;
    assert_eq!(stage.head(&channel).await.unwrap().evicted_through, 0);
    stage.publish_many(&channel, 2).await;
    let page = stage.page(&channel, 2).await;
    assert_eq!(
        (seqs(&page.messages), page.head.evicted_through),
        (vec![3, 4, 5], 2)
    );
}

/// The log keeps so many bytes, by weight.
pub async fn bytes_evict_the_oldest(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    let bytes = 3 * text("0").weight();
    stage.retention.history = Some(History {
        bytes,
        ..History::default()
    });
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 5).await;
    let page = stage.page(&channel, 2).await;
    assert_eq!(
        (seqs(&page.messages), page.head.evicted_through),
        (vec![3, 4, 5], 2)
    );
}

/// What is older than the window cannot be replayed, also if nobody publishes any more.
pub async fn the_window_evicts_whoever_publishes(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    let window = Duration::from_secs(60);
    stage.retention.history = Some(History {
        window,
        ..History::default()
    });
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 2).await;
    stage.advance(Duration::from_secs(40)).await;
    stage.publish(&channel, "later").await;
    stage.advance(Duration::from_secs(30)).await;
    let page = stage.page(&channel, 2).await;
    assert_eq!(
        (seqs(&page.messages), page.head.evicted_through),
        (vec![3], 2)
    );
    stage.advance(Duration::from_secs(40)).await;
    let head = stage.head(&channel).await.unwrap();
    assert_eq!((head.position.seq, head.evicted_through), (3, 3));
}

/// Empty if the first of the messages asked for was evicted: never a silent gap.
pub async fn an_evicted_message_is_never_jumped_over(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention = keeping(3);
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 5).await;
    for after in [0, 1] {
        let page = stage.page(&channel, after).await;
        assert_eq!(
            (page.messages.len(), page.head.evicted_through),
            (0, 2),
            "after {after}"
        );
    }
}

/// `None` if the channel was never heard of; asking changes nothing.
pub async fn what_was_never_heard_of_is_none(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    for _ in 0..2 {
        assert!(
            stage
                .broker()
                .read(&channel, 0, ALL)
                .await
                .unwrap()
                .is_none()
        );
        assert!(stage.broker().state(&channel).await.unwrap().is_none());
        assert_eq!(stage.head(&channel).await, None);
    }
}

/// `None` if the channel keeps no log.
pub async fn a_channel_without_a_log_is_none(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention = Retention {
        history: None,
        ..stage.retention
    };
    let channel = stage.channel("typing.1");
    stage
        .broker()
        .follow(&channel, &stage.retention)
        .await
        .unwrap();
    stage.publish_drafts(&channel, vec![text("a")]).await;
    assert!(
        stage
            .broker()
            .read(&channel, 0, ALL)
            .await
            .unwrap()
            .is_none()
    );
    assert!(stage.broker().state(&channel).await.unwrap().is_none());
    assert_eq!(stage.head(&channel).await, None);
}

/// The heads of many channels, in the order asked.
pub async fn heads_stand_in_the_order_asked(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let names: Vec<_> = (0..20)
        .map(|n| stage.channel(&format!("orders.{n}")))
        .collect();
    for (n, channel) in names.iter().enumerate().filter(|(n, _)| n % 2 == 1) {
        stage.publish_many(channel, n).await;
    }
    let asked: Vec<_> = names.iter().rev().cloned().collect();
    let heads = stage.broker().heads(&asked).await;
    let seqs: Vec<_> = heads
        .into_iter()
        .map(|head| head.unwrap().map(|head| head.position.seq))
        .collect();
    let expected: Vec<_> = (0..20u64)
        .rev()
        .map(|n| (n % 2 == 1).then_some(n))
        .collect();
    assert_eq!(seqs, expected);
}

/// A page shows the head of the same moment.
pub async fn a_page_and_its_head_are_of_one_moment(harness: &dyn BrokerHarness) {
    let stage = Arc::new(Stage::open(harness).await);
    let channel = stage.channel("orders.1");
    stage.follow(&channel).await;
    let publisher = {
        let (stage, channel) = (Arc::clone(&stage), channel.clone());
        tokio::spawn(async move {
            for n in 0..100 {
                stage.publish(&channel, &n.to_string()).await;
                tokio::task::yield_now().await;
            }
        })
    };
    while !publisher.is_finished() {
        let page = stage.page(&channel, 0).await;
        let expected: Vec<_> = (1..=page.head.position.seq).collect();
        assert_eq!(seqs(&page.messages), expected);
        tokio::task::yield_now().await;
    }
    publisher.await.unwrap();
}
