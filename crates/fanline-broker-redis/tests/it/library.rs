//! What only a look into Redis can show of the function library.

use std::time::Duration;

use fanline_broker::{Broker as _, Outcome, Publish};
use fanline_broker_redis::{FUNCTION_LIBRARY, publish_command};
use fanline_model::{Draft, Durability, Epoch, History, Position, SystemRandom};

use crate::shelf::{Shelf, named, text};

fn appended(outcomes: &[Outcome]) -> Position {
    match outcomes {
        [
            Outcome::Appended {
                position: Some(position),
            },
        ] => *position,
        other => panic!("not one message with a position: {other:?}"),
    }
}

/// How often the server wrote something.
async fn writes(shelf: &Shelf) -> u64 {
    let persistence: redis::InfoDict = shelf.ask(redis::cmd("INFO").arg("persistence")).await;
    persistence.get("rdb_changes_since_last_save").unwrap()
}

/// While nodes are being replaced two versions are loaded in turn, and channels are called by both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_versions_loaded_in_turn_rotate_no_epoch() {
    let shelf = Shelf::open().await;
    let channel = shelf.channel("orders.1");
    let first = appended(&shelf.publish(&channel, vec![text("a")]).await);
    let other = FUNCTION_LIBRARY
        .replace("name=fanline_1", "name=fanline_0")
        .replace("'fl1_", "'fl0_");
    for turn in 0..3 {
        for library in [&other, FUNCTION_LIBRARY] {
            let mut load = redis::cmd("FUNCTION");
            let _: String = shelf
                .ask(load.arg("LOAD").arg("REPLACE").arg(library))
                .await;
        }
        let publish = shelf.call(&channel, vec![text("b")]);
        let command = publish_command(&publish, Epoch::generate(&SystemRandom), 1_000);
        let mut older = redis::cmd("FCALL");
        older.arg("fl0_publish");
        for word in command.args_iter().skip(2) {
            if let redis::Arg::Simple(word) = word {
                older.arg(word);
            }
        }
        let _: Vec<u8> = shelf.ask(&older).await;
        let position = appended(&shelf.publish(&channel, vec![text("c")]).await);
        assert_eq!(position, Position::new(first.epoch, 3 + 2 * turn));
    }
    let head = shelf.head(&channel).await.unwrap();
    assert_eq!(
        (head.position.epoch, head.evicted_through),
        (first.epoch, 0)
    );
    assert_eq!(head.lineage.survived(first.epoch), None, "no fork");
}

/// The trim may be put off, within bounds: reading trims first, but nobody may ever read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_alone_keeps_a_log_near_its_bounds() {
    let (messages, window) = (160, Duration::from_secs(60));
    let weight = text("0").weight();
    let by_count = History {
        messages,
        ..History::default()
    };
    let by_bytes = History {
        bytes: messages * weight,
        ..History::default()
    };
    let by_window = History {
        window,
        ..History::default()
    };
    for history in [by_count, by_bytes, by_window] {
        let mut shelf = Shelf::open().await;
        shelf.retention.history = Some(history);
        let channel = shelf.channel("orders.1");
        for _ in 0..2 * messages {
            shelf.publish(&channel, vec![text("0")]).await;
            if history.window == window {
                // So many messages are published within one window.
                shelf.clock.advance(window / 160).await.unwrap();
            }
            let kept = shelf.fields().await.len() - "cm".len();
            let most = messages + messages / if history.window == window { 4 } else { 16 };
            assert!(kept <= most + 1, "{kept} of {most} with {history:?}");
        }
        let head = shelf.head(&channel).await.unwrap();
        let kept = usize::try_from(head.position.seq - head.evicted_through).unwrap();
        assert!(
            kept <= messages,
            "{kept} messages are answered with {history:?}"
        );
    }
}

/// Records go with the calls that meet them, however few at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_alone_forgets_records_that_expired() {
    let mut shelf = Shelf::open().await;
    shelf.retention.idempotency_window = Duration::from_secs(10);
    let channel = shelf.channel("orders.1");
    for number in 0..500 {
        let id = format!("k:{number}");
        shelf.publish(&channel, vec![named(&id, "a")]).await;
    }
    shelf.clock.advance(Duration::from_secs(60)).await.unwrap();
    for number in 500..510 {
        let id = format!("k:{number}");
        shelf.publish(&channel, vec![named(&id, "a")]).await;
    }
    let fields = shelf.fields().await;
    assert_eq!(fields.matches('R').count(), 10);
    assert_eq!(fields.matches('D').count(), 10);
}

/// `WAIT` waits for what its connection wrote: a call that finds only duplicates must write too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replicated_publish_of_duplicates_writes_something() {
    let mut shelf = Shelf::open().await;
    let channel = shelf.channel("orders.1");
    let again = || vec![named("k", "a")];
    shelf.publish(&channel, again()).await;
    for (durability, is_written) in [(Durability::Acked, false), (Durability::Replicated, true)] {
        shelf.retention.durability = durability;
        let publish = shelf.call(&channel, again());
        let command = publish_command(&publish, Epoch::generate(&SystemRandom), 1_000);
        let before = writes(&shelf).await;
        let answer: Vec<u8> = shelf.ask(&command).await;
        assert_eq!(answer.first(), Some(&b'd'), "a duplicate with its place");
        assert_eq!(writes(&shelf).await > before, is_written, "{durability:?}");
    }
}

/// An ordinary publish and every other one number alike, and what one wrote the other reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ordinary_and_other_publishes_stand_in_one_order() {
    let shelf = Shelf::open().await;
    let channel = shelf.channel("orders.1");
    let ephemeral = || Draft {
        ephemeral: true,
        ..text("pointer")
    };
    let first = appended(&shelf.publish(&channel, vec![text("a")]).await);
    for round in 0..20 {
        let seq = first.seq + 4 * round;
        let id = format!("k:{round}");
        let one = appended(&shelf.publish(&channel, vec![text("b")]).await);
        let two = appended(&shelf.publish(&channel, vec![named(&id, "c")]).await);
        let retry = Publish {
            retry: true,
            ..shelf.call(&channel, vec![text("d"), ephemeral()])
        };
        let three = shelf.broker.publish(retry).await.unwrap();
        let again = shelf
            .publish(&channel, vec![named(&id, "c"), text("e")])
            .await;
        let place = |seq| Some(Position::new(first.epoch, seq));
        assert_eq!((Some(one), Some(two)), (place(seq + 1), place(seq + 2)));
        assert_eq!(
            three[0],
            Outcome::Appended {
                position: place(seq + 3)
            }
        );
        assert_eq!(
            again,
            [
                Outcome::Duplicate {
                    position: Some(two)
                },
                Outcome::Appended {
                    position: place(seq + 4)
                },
            ]
        );
    }
    let head = shelf.head(&channel).await.unwrap();
    assert_eq!(head.position, Position::new(first.epoch, first.seq + 80));
}

/// The clock jumped ahead between an attempt and its retry: the record is over, but the log still knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_whose_record_ended_before_its_time_is_found_in_the_log() {
    let mut shelf = Shelf::open().await;
    shelf.retention.idempotency_window = Duration::from_secs(10);
    let channel = shelf.channel("orders.1");
    let first = shelf.publish(&channel, vec![named("k", "a")]).await;
    shelf.clock.advance(Duration::from_secs(60)).await.unwrap();
    let again = Publish {
        retry: true,
        ..shelf.call(&channel, vec![named("k", "a")])
    };
    let outcomes = shelf.broker.publish(again).await.unwrap();
    let position = Some(appended(&first));
    assert_eq!(outcomes, [Outcome::Duplicate { position }]);
}

/// Once its window is over an id may be given to another message, and that one may have to be repeated too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_is_no_duplicate_of_another_message_that_once_had_its_id() {
    let mut shelf = Shelf::open().await;
    shelf.retention.idempotency_window = Duration::from_secs(10);
    let channel = shelf.channel("orders.1");
    let first = appended(&shelf.publish(&channel, vec![named("k", "a")]).await);
    shelf.clock.advance(Duration::from_secs(60)).await.unwrap();
    let again = Publish {
        retry: true,
        ..shelf.call(&channel, vec![named("k", "b")])
    };
    let second = appended(&shelf.broker.publish(again).await.unwrap());
    assert_eq!(second, Position::new(first.epoch, first.seq + 1));
}
