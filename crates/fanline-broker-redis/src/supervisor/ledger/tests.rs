//! The ledger by itself, with a made-up cluster.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::slot::slot;
use crate::topology::{Address, Primary, SLOTS};

const NAME: Bytes = Bytes::from_static(b"channel");
const PLENTY: usize = 100;

fn primary(id: &str, migrating: &[(u16, &str)]) -> Primary {
    Primary {
        id: id.into(),
        address: Address::parse("host:1").unwrap(),
        migrating: migrating
            .iter()
            .map(|(slot, to)| (*slot, (*to).into()))
            .collect(),
    }
}

/// Two primaries; `one` is the owner of everything, if anybody is.
fn view(owner: &str, migrating: &[(u16, &str)]) -> Arc<Topology> {
    let ranges = |id: &str| {
        if id == owner {
            vec![(0, SLOTS - 1)]
        } else {
            vec![]
        }
    };
    Arc::new(Topology::of(vec![
        (primary("one", migrating), ranges("one")),
        (primary("two", &[]), ranges("two")),
    ]))
}

fn open(ledger: &mut Ledger, primary: &str) -> Generation {
    let line = ledger.next_generation();
    ledger.open(primary, line, Arc::new(Notify::new()));
    line
}

/// A ledger with an open line to each of two primaries, the first of which owns everything.
fn ledger() -> (Ledger, Generation, Generation) {
    let mut ledger = Ledger::new();
    ledger.turn(&view("one", &[]));
    let (one, two) = (open(&mut ledger, "one"), open(&mut ledger, "two"));
    (ledger, one, two)
}

/// The same, with one channel that stands.
fn standing() -> (Ledger, Generation, Generation) {
    let (mut ledger, one, two) = ledger();
    let mut waiting = ledger.wish(&NAME).unwrap();
    assert_eq!(ledger.take(one, PLENTY).len(), 1);
    assert!(waiting.try_recv().is_err());
    ledger.joined(one, &NAME);
    assert!(waiting.try_recv().is_ok());
    (ledger, one, two)
}

fn join(asking: bool, again: bool) -> Order {
    Order {
        shard_channel: NAME,
        join: true,
        asking,
        again,
    }
}

fn leave(asking: bool) -> Order {
    Order {
        join: false,
        ..join(asking, false)
    }
}

#[test]
fn a_wish_waits_for_a_cluster_a_connection_and_an_acknowledgement() {
    let mut ledger = Ledger::new();
    let mut waiting = ledger.wish(&NAME).unwrap();
    ledger.turn(&view("one", &[]));
    let one = open(&mut ledger, "one");
    let two = open(&mut ledger, "two");
    assert_eq!(ledger.take(one, PLENTY), [join(false, false)]);
    assert_eq!(ledger.take(one, PLENTY), [], "it is asked for once");
    assert_eq!(ledger.take(two, PLENTY), [], "it does not belong there");
    assert!(waiting.try_recv().is_err());
    ledger.joined(one, &NAME);
    assert!(waiting.try_recv().is_ok());
    assert!(ledger.wish(&NAME).is_none(), "it stands");
    assert_eq!(ledger.restored(one), [] as [Bytes; 0], "there was no gap");
    assert_eq!(ledger.count(), (1, 1));
}

#[test]
fn a_subscription_that_the_server_ends_is_asked_for_again_and_its_gap_is_told() {
    let (mut ledger, one, _) = standing();
    assert!(!ledger.doubted(one));
    ledger.left(one, &NAME);
    assert!(ledger.doubted(one), "it contradicts the view");
    assert_eq!(ledger.count(), (1, 0));
    assert_eq!(ledger.take(one, PLENTY), [join(false, true)]);
    ledger.joined(one, &NAME);
    assert_eq!(ledger.restored(one), [NAME]);
    assert_eq!(ledger.restored(one), [] as [Bytes; 0], "it is told once");
}

#[test]
fn a_refused_subscription_is_asked_for_again_only_when_it_is_time() {
    let (mut ledger, one, _) = ledger();
    let _waiting = ledger.wish(&NAME).unwrap();
    let orders = ledger.take(one, PLENTY);
    assert!(ledger.settle(one, &orders));
    assert!(ledger.doubted(one));
    assert_eq!(ledger.take(one, PLENTY), []);
    ledger.retry(one);
    assert_eq!(ledger.take(one, PLENTY), [join(false, false)]);
}

#[test]
fn what_stands_on_a_lost_connection_stands_no_more_and_what_that_says_later_is_ignored() {
    let (mut ledger, old, _) = standing();
    assert_eq!(ledger.close(old), [] as [Bytes; 0]);
    assert_eq!(ledger.count(), (1, 0));
    ledger.joined(old, &NAME);
    assert_eq!(ledger.count(), (1, 0));

    let new = open(&mut ledger, "one");
    assert_eq!(ledger.take(new, PLENTY), [join(false, true)]);
    ledger.joined(new, &NAME);
    ledger.left(old, &NAME);
    assert_eq!(ledger.count(), (1, 1));
    assert_eq!(ledger.close(new), [NAME], "not told yet");
}

#[test]
fn a_new_owner_is_asked_and_the_old_one_left() {
    let (mut ledger, one, two) = standing();
    ledger.turn(&view("two", &[]));
    assert_eq!(ledger.take(two, PLENTY), [join(false, true)]);
    ledger.joined(two, &NAME);
    assert_eq!(ledger.restored(two), [NAME]);
    assert_eq!(
        ledger.take(one, PLENTY),
        [Order {
            again: true,
            ..leave(true)
        }]
    );
    ledger.left(one, &NAME);
    assert!(!ledger.doubted(one), "that was asked for");
    assert_eq!(ledger.count(), (1, 1));
}

#[test]
fn while_its_slot_moves_a_channel_stands_on_both_sides() {
    let (mut ledger, one, two) = standing();
    ledger.turn(&view("one", &[(slot(&NAME), "two")]));
    assert_eq!(ledger.take(one, PLENTY), []);
    assert_eq!(ledger.take(two, PLENTY), [join(true, true)]);
    ledger.joined(two, &NAME);
    assert_eq!(
        ledger.restored(two),
        [NAME],
        "it stands there only from now on"
    );

    ledger.turn(&view("two", &[]));
    assert_eq!(
        ledger.take(two, PLENTY),
        [],
        "the receiver keeps it as the owner"
    );
    ledger.left(one, &NAME);
    assert_eq!(ledger.take(one, PLENTY), []);
    assert_eq!(ledger.restored(two), [] as [Bytes; 0]);
    assert_eq!(ledger.count(), (1, 1));
}

#[test]
fn who_waits_is_told_when_the_receiver_becomes_the_owner() {
    let (mut ledger, one, two) = ledger();
    ledger.turn(&view("one", &[(slot(&NAME), "two")]));
    let mut waiting = ledger.wish(&NAME).unwrap();
    ledger.take(two, PLENTY);
    ledger.joined(two, &NAME);
    assert!(
        waiting.try_recv().is_err(),
        "the owner has not acknowledged it"
    );
    let orders = ledger.take(one, PLENTY);
    ledger.settle(one, &orders);
    ledger.turn(&view("two", &[]));
    assert!(waiting.try_recv().is_ok());
}

#[test]
fn a_released_channel_is_left_and_forgotten() {
    let (mut ledger, one, _) = standing();
    ledger.release(&NAME);
    assert_eq!(ledger.count(), (0, 0));
    assert_eq!(ledger.take(one, PLENTY), [leave(false)]);
    ledger.left(one, &NAME);
    assert!(!ledger.doubted(one));
    assert!(ledger.channels.is_empty());
}

#[test]
fn one_that_is_wanted_again_before_it_was_left_has_no_gap() {
    let (mut ledger, one, _) = standing();
    ledger.release(&NAME);
    assert!(ledger.wish(&NAME).is_none());
    assert_eq!(ledger.take(one, PLENTY), []);
}

#[test]
fn one_that_is_wanted_again_while_it_is_left_is_acknowledged_only_anew() {
    let (mut ledger, one, _) = standing();
    ledger.release(&NAME);
    ledger.take(one, PLENTY);
    let mut waiting = ledger.wish(&NAME).unwrap();
    assert_eq!(ledger.take(one, PLENTY), []);
    ledger.left(one, &NAME);
    assert_eq!(ledger.take(one, PLENTY), [join(false, false)]);
    assert!(waiting.try_recv().is_err());
    ledger.joined(one, &NAME);
    assert!(waiting.try_recv().is_ok());
    assert_eq!(
        ledger.restored(one),
        [] as [Bytes; 0],
        "nobody wanted it meanwhile"
    );
}

#[test]
fn one_that_is_released_before_it_was_acknowledged_is_left() {
    let (mut ledger, one, _) = ledger();
    let mut waiting = ledger.wish(&NAME).unwrap();
    ledger.take(one, PLENTY);
    ledger.release(&NAME);
    assert_eq!(
        waiting.try_recv(),
        Err(oneshot::error::TryRecvError::Closed),
        "nothing is claimed"
    );
    ledger.joined(one, &NAME);
    assert_eq!(ledger.take(one, PLENTY), [leave(false)]);
}

#[test]
fn an_acknowledgement_that_comes_after_all_was_given_up_is_taken_back() {
    let (mut ledger, one, _) = ledger();
    let _waiting = ledger.wish(&NAME).unwrap();
    let orders = ledger.take(one, PLENTY);
    ledger.release(&NAME);
    ledger.settle(one, &orders);
    assert!(ledger.channels.is_empty());
    ledger.joined(one, &NAME);
    assert_eq!(ledger.take(one, PLENTY), [leave(false)]);
}

#[test]
fn callers_that_gave_up_leave_nothing_behind() {
    let mut ledger = Ledger::new();
    for _ in 0..PLENTY {
        drop(ledger.wish(&NAME));
    }
    let held = ledger.wish(&NAME);
    assert!(held.is_some());
    assert_eq!(ledger.channels.get(&NAME).unwrap().waiters(), 1);
}
