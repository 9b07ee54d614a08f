//! What goes from a channel that nobody touches any more, and what stays.

use std::time::Duration;

use fanline_broker::Broker;
use fanline_model::{Draft, History, StateRule};

use crate::shelf::{Shelf, named, text};

const WINDOW: Duration = Duration::from_secs(1);
/// What was indexed is not looked at before.
const INDEX_KEPT: Duration = Duration::from_secs(120);

async fn with_a_short_window() -> Shelf {
    let mut shelf = Shelf::open().await;
    shelf.retention.history = Some(History {
        window: WINDOW,
        ..History::default()
    });
    shelf
}

/// Payloads end with their window; the position does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_log_is_emptied_and_its_position_stays() {
    let shelf = with_a_short_window().await;
    let channel = shelf.channel("orders.1");
    let before = shelf.broker.follow(&channel, &shelf.retention).await;
    let epoch = before.unwrap().unwrap().position.epoch;
    for number in 0..3 {
        shelf
            .publish(&channel, vec![text(&number.to_string())])
            .await;
    }
    shelf.broker.unfollow(&channel).await;
    assert_eq!(shelf.fields().await, "000cm");
    shelf.clock.advance(INDEX_KEPT + WINDOW).await.unwrap();
    shelf
        .until("the log is empty", async || shelf.fields().await == "cm")
        .await;
    shelf
        .until("the index is empty", async || {
            shelf.keys("fl1:*:logs").await.is_empty()
        })
        .await;
    let head = shelf.head(&channel).await.unwrap();
    assert_eq!((head.position.epoch, head.position.seq), (epoch, 3));
    assert_eq!(head.evicted_through, 3);
}

/// Whatever a publish left has its own time, and goes when that has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_and_last_values_of_an_idle_channel_go_too() {
    let mut shelf = with_a_short_window().await;
    shelf.retention.idempotency_window = Duration::from_secs(600);
    shelf.retention.state = Some(StateRule {
        ttl: Duration::from_secs(1_200),
        keys: 10,
    });
    let channel = shelf.channel("orders.1");
    let keyed = |key: &str| Draft {
        key: Some(key.into()),
        ..named(key, "1")
    };
    shelf.publish(&channel, vec![keyed("a"), keyed("b")]).await;
    assert_eq!(shelf.fields().await, "00DDKKRRVVcm");
    let steps = [
        (INDEX_KEPT + WINDOW, "DDKKRRVVcm"),
        (Duration::from_secs(500), "KKVVcm"),
        (Duration::from_secs(600), "cm"),
    ];
    for (time, rest) in steps {
        shelf.clock.advance(time).await.unwrap();
        shelf
            .until(rest, async || shelf.fields().await == rest)
            .await;
    }
}

/// A look that finds something too young comes again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_published_later_goes_later() {
    let mut shelf = Shelf::open().await;
    let window = 2 * INDEX_KEPT;
    shelf.retention.history = Some(History {
        window,
        ..History::default()
    });
    let channel = shelf.channel("orders.1");
    shelf.publish(&channel, vec![text("a")]).await;
    shelf.clock.advance(window - WINDOW).await.unwrap();
    shelf.publish(&channel, vec![text("b")]).await;
    for (time, rest) in [(2 * WINDOW, "0cm"), (window, "cm")] {
        shelf.clock.advance(time).await.unwrap();
        shelf
            .until(rest, async || shelf.fields().await == rest)
            .await;
    }
}

/// TENANCY 22: it fills no Redis, and no index.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_over_random_names_leaves_nothing_after_the_window() {
    let shelf = with_a_short_window().await;
    for number in 0..1_000 {
        let channel = shelf.channel(&format!("random.{number}"));
        let head = shelf.broker.follow(&channel, &shelf.retention).await;
        assert!(head.unwrap().is_some());
        shelf.broker.unfollow(&channel).await;
    }
    shelf.clock.advance(2 * WINDOW).await.unwrap();
    shelf
        .until("nothing is left", async || {
            shelf.ask::<usize>(&redis::cmd("DBSIZE")).await == 0
        })
        .await;
}
