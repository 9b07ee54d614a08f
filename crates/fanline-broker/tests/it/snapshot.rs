//! A clean stop and the start after it.

use std::sync::Arc;
use std::time::Duration;

use fanline_broker::memory::{MemoryLimits, SnapshotError};
use fanline_broker::{
    Broker, ChannelId, Condition, Outcome, Page, PageLimit, Publish, UnchangedReason,
};
use fanline_model::{
    AppId, Channel, Draft, Lineage, Message, MessageId, Payload, Retention, StateRule, SystemRandom,
};
use fanline_testkit::contract::broker::BrokerUnderTest;
use fanline_testkit::contract::ear::Ear;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::memory::Memory;

fn start() -> Memory {
    Memory::start(Arc::new(Ear::default()), MemoryLimits::default())
}

/// The process after this one.
fn restart(before: &Memory) -> Memory {
    let clock = Arc::clone(&before.clock);
    Memory::start_at(clock, Arc::new(Ear::default()), MemoryLimits::default())
}

fn channel(app: &AppId, name: &str) -> ChannelId {
    ChannelId::new(app.clone(), Channel::parse(name).unwrap())
}

fn retention() -> Retention {
    let state = Some(StateRule {
        ttl: Duration::from_secs(3_600),
        keys: 100,
    });
    Retention {
        state,
        ..Retention::default()
    }
}

fn draft(id: &str, key: &str) -> Draft {
    let draft = Draft::new(MessageId::parse(id).unwrap(), Payload::text("x"));
    Draft {
        key: Some(key.into()),
        ..draft
    }
}

fn publish(channel: &ChannelId, drafts: Vec<Draft>) -> Publish {
    Publish {
        channel: channel.clone(),
        drafts,
        retention: retention(),
        condition: None,
        retry: false,
        items_hash: None,
    }
}

async fn read(memory: &Memory, channel: &ChannelId) -> Page {
    let all = PageLimit {
        messages: usize::MAX,
        bytes: usize::MAX,
    };
    memory.broker.read(channel, 0, all).await.unwrap().unwrap()
}

#[tokio::test]
async fn everything_goes_on_after_a_clean_stop() {
    let before = start();
    let app = AppId::generate(&SystemRandom);
    let (orders, user) = (channel(&app, "orders.1"), channel(&app, "#user:auth0|ü 5"));
    let call = Publish {
        condition: Some(Condition::Version(9)),
        items_hash: Some([7; 16]),
        ..publish(
            &orders,
            vec![draft("k:0", "a"), draft("k:1", "b"), draft("k:2", "a")],
        )
    };
    let outcomes = before.broker.publish(call).await.unwrap();
    before
        .broker
        .publish(publish(&user, vec![draft("u", "a")]))
        .await
        .unwrap();
    before.broker.fork(&orders, 2);

    let after = restart(&before);
    assert_eq!(after.broker.restore(&before.broker.save()), Ok(2));
    for channel in [&orders, &user] {
        let (then, now) = (read(&before, channel).await, read(&after, channel).await);
        assert_eq!((now.head, now.messages), (then.head, then.messages));
        let state = async |memory: &Memory| {
            memory
                .broker
                .state(channel)
                .await
                .unwrap()
                .unwrap()
                .messages
        };
        assert_eq!(state(&after).await, state(&before).await);
    }
    assert_eq!(after.broker.usage(&app), before.broker.usage(&app));

    // The next message has the next number and carries the fork that happened before the stop.
    let again = after
        .broker
        .publish(publish(&orders, vec![draft("k:0", "a"), draft("k:9", "c")]))
        .await
        .unwrap();
    let Outcome::Appended { position: first } = outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(again[0], Outcome::Duplicate { position: first });
    let last = read(&after, &orders)
        .await
        .messages
        .last()
        .cloned()
        .unwrap();
    assert_eq!((last.position.unwrap().seq, last.fork.unwrap().at), (3, 2));
}

#[tokio::test]
async fn versions_and_bodies_are_remembered() {
    let before = start();
    let orders = channel(&AppId::generate(&SystemRandom), "orders.1");
    let call = |id, version, body| Publish {
        condition: Some(Condition::Version(version)),
        items_hash: Some([body; 16]),
        ..publish(&orders, vec![draft(id, "a")])
    };
    before.broker.publish(call("k:0", 9, 1)).await.unwrap();
    let after = restart(&before);
    after.broker.restore(&before.broker.save()).unwrap();
    assert!(after.broker.publish(call("k:0", 10, 2)).await.is_err());
    let outcome = after
        .broker
        .publish(call("k:1", 9, 1))
        .await
        .unwrap()
        .remove(0);
    assert!(
        matches!(
            outcome,
            Outcome::Unchanged {
                reason: UnchangedReason::Version,
                ..
            }
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_value_that_the_log_holds_too_is_held_once() {
    let before = start();
    let orders = channel(&AppId::generate(&SystemRandom), "orders.1");
    before
        .broker
        .publish(publish(&orders, vec![draft("k", "a")]))
        .await
        .unwrap();
    let after = restart(&before);
    after.broker.restore(&before.broker.save()).unwrap();
    let logged: Vec<Arc<Message>> = read(&after, &orders).await.messages;
    let values = after.broker.state(&orders).await.unwrap().unwrap().messages;
    assert!(Arc::ptr_eq(&logged[0], &values[0]));
}

#[tokio::test]
async fn a_channel_that_was_followed_can_be_resumed_and_is_followed_no_more() {
    let before = start();
    let orders = channel(&AppId::generate(&SystemRandom), "orders.1");
    let head = before.broker.follow(&orders, &retention()).await.unwrap();
    before.advance(Duration::from_secs(3_600)).await;
    let ear = Arc::new(Ear::default());
    let after = Memory::start_at(
        Arc::clone(&before.clock),
        Arc::clone(&ear) as _,
        MemoryLimits::default(),
    );
    assert_eq!(after.broker.restore(&before.broker.save()), Ok(1));
    assert_eq!(after.broker.head(&orders).await, Ok(head));
    after
        .broker
        .publish(publish(&orders, vec![draft("k", "a")]))
        .await
        .unwrap();
    assert_eq!(ear.of(&orders), []);
}

#[tokio::test]
async fn what_passed_its_time_while_nothing_ran_is_forgotten() {
    let before = start();
    let orders = channel(&AppId::generate(&SystemRandom), "orders.1");
    before
        .broker
        .publish(publish(&orders, vec![draft("k", "a")]))
        .await
        .unwrap();
    let saved = before.broker.save();
    before.clock.advance(Duration::from_secs(600));
    let after = restart(&before);
    after.broker.restore(&saved).unwrap();
    let page = read(&after, &orders).await;
    assert_eq!(
        (
            page.head.position.seq,
            page.head.evicted_through,
            page.messages.len()
        ),
        (1, 1, 0)
    );
    before.clock.advance(retention().position_ttl);
    assert_eq!(after.broker.head(&orders).await, Ok(None));
}

#[tokio::test]
async fn without_a_snapshot_every_channel_begins_another_epoch() {
    let before = start();
    let orders = channel(&AppId::generate(&SystemRandom), "orders.1");
    before
        .broker
        .publish(publish(&orders, vec![draft("k", "a")]))
        .await
        .unwrap();
    let then = read(&before, &orders).await.head;
    let after = restart(&before);
    let now = after
        .broker
        .follow(&orders, &retention())
        .await
        .unwrap()
        .unwrap();
    assert_ne!(now.position.epoch, then.position.epoch);
    assert_eq!(now.lineage, Lineage::default());
}

#[tokio::test]
async fn a_channel_that_exists_already_stays_as_it_is() {
    let before = start();
    let app = AppId::generate(&SystemRandom);
    let orders = channel(&app, "orders.1");
    before
        .broker
        .publish(publish(&orders, vec![draft("k", "a")]))
        .await
        .unwrap();
    let after = restart(&before);
    after
        .broker
        .publish(publish(&orders, vec![draft("k", "a")]))
        .await
        .unwrap();
    let head = read(&after, &orders).await.head;
    assert_eq!(after.broker.restore(&before.broker.save()), Ok(0));
    assert_eq!(read(&after, &orders).await.head, head);
    assert_eq!(after.broker.usage(&app).channels, 1);
}

#[tokio::test]
async fn a_damaged_snapshot_is_refused_and_nothing_of_it_is_restored() {
    let before = start();
    let app = AppId::generate(&SystemRandom);
    for n in 0..5 {
        let orders = channel(&app, &format!("orders.{n}"));
        before
            .broker
            .publish(publish(&orders, vec![draft("k", "a")]))
            .await
            .unwrap();
    }
    let saved = before.broker.save();
    let after = restart(&before);
    let refused = |bytes: &[u8]| after.broker.restore(bytes).unwrap_err();
    for at in 5..saved.len() {
        let mut changed = saved.clone();
        changed[at] ^= 1;
        assert_eq!(refused(&changed), SnapshotError::Damaged, "byte {at}");
    }
    for at in 0..saved.len() {
        // Shorter than mark, version and checksum it could be anything.
        let expected = if at < 37 {
            SnapshotError::Foreign
        } else {
            SnapshotError::Damaged
        };
        assert_eq!(refused(&saved[..at]), expected, "cut at {at}");
    }
    assert_eq!(refused(&[b'x'; 100]), SnapshotError::Foreign);
    let mut later = saved.clone();
    later[4] = 2;
    assert_eq!(refused(&later), SnapshotError::Version(2));
    assert_eq!(after.broker.usage(&app).channels, 0);
    assert_eq!(after.broker.restore(&saved), Ok(5));
}

/// A snapshot that was changed by somebody who knows the checksum is refused, or is at least one whose
/// numbers follow each other.
#[tokio::test]
async fn a_forged_snapshot_never_makes_a_gap_in_a_log() {
    let before = start();
    let orders = channel(&AppId::generate(&SystemRandom), "orders.1");
    for id in ["k:0", "k:1", "k:2"] {
        before
            .broker
            .publish(publish(&orders, vec![draft(id, "a")]))
            .await
            .unwrap();
    }
    before.broker.evict(&orders, 1);
    let saved = before.broker.save();
    let body = saved.len() - 32;
    let mut accepted = 0;
    for (at, bit) in (5..body).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut forged = saved[..body].to_vec();
        forged[at] ^= 1 << bit;
        let forged = sign(forged);
        let after = restart(&before);
        if after.broker.restore(&forged).is_err() {
            continue;
        }
        accepted += 1;
        let Some(head) = after.broker.head(&orders).await.unwrap() else {
            continue;
        };
        let all = PageLimit {
            messages: usize::MAX,
            bytes: usize::MAX,
        };
        let page = after
            .broker
            .read(&orders, head.evicted_through, all)
            .await
            .unwrap()
            .unwrap();
        let seqs: Vec<_> = page
            .messages
            .iter()
            .map(|message| message.position.unwrap().seq)
            .collect();
        let expected: Vec<_> = (head.evicted_through + 1..=head.position.seq).collect();
        assert_eq!(seqs, expected, "bit {bit} of byte {at}");
    }
    assert!(accepted > 0, "a payload's bit is nobody's business here");
}

/// Puts the checksum that belongs to them behind the bytes.
fn sign(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = Sha256::digest(&bytes);
    bytes.extend(&checksum[..]);
    bytes
}

proptest! {
    /// Even with a checksum that is right, what is inside is believed of nobody.
    #[test]
    fn no_snapshot_breaks_the_reader(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut bytes = b"FLMB\x01".to_vec();
        bytes.push(body.len() as u8);
        bytes.extend(body);
        let _ = start().broker.restore(&sign(bytes));
    }
}
