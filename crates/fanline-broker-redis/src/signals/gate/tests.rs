use std::time::Duration;

use fanline_broker::BootId;
use fanline_model::{AppId, ManualClock, NodeId, SystemRandom, Timestamp};

use super::super::identity::{InstallationId, SignalKey};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A node that listens, and what makes senders.
struct Stage {
    clock: Arc<ManualClock>,
    gate: Gate,
}

fn sender(installation: u8, key: SignalKey) -> SignalSender {
    SignalSender {
        installation: InstallationId([installation; 16]),
        node: NodeId::generate(&SystemRandom),
        boot: BootId::generate(&SystemRandom),
        key,
    }
}

fn key() -> SignalKey {
    SignalKey::new(1, [1; 32])
}

fn signal() -> Signal {
    Signal::AppChanged {
        app: AppId::generate(&SystemRandom),
        revision: 7,
    }
}

impl Stage {
    fn open() -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_764_000_000)));
        let gate = Gate::new(sender(1, key()), Arc::clone(&clock) as _);
        Self { clock, gate }
    }

    /// Another node, at the same clock.
    fn peer(&self, sender: SignalSender) -> Gate {
        Gate::new(sender, Arc::clone(&self.clock) as _)
    }
}

#[test]
fn a_signal_of_another_node_is_let_in_once() {
    let stage = Stage::open();
    let signal = signal();
    let bytes = stage.peer(sender(1, key())).sign(&signal, 1);
    assert_eq!(stage.gate.judge(&bytes), Ok(Arrival::Signal(signal)));
    assert_eq!(stage.gate.judge(&bytes), Err(Refusal::Replayed));
}

#[test]
fn our_own_signal_is_known_when_it_comes_back() {
    let stage = Stage::open();
    let bytes = stage.gate.sign(&signal(), 1);
    assert_eq!(stage.gate.judge(&bytes), Ok(Arrival::Ours));
}

#[test]
fn whoever_changes_a_bit_forges() {
    let stage = Stage::open();
    let bytes = stage.peer(sender(1, key())).sign(&signal(), 1);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let refused = stage.gate.judge(&changed);
        assert!(refused.is_err(), "byte {at}: {refused:?}");
    }
    assert!(
        stage.gate.judge(&bytes).is_ok(),
        "nothing of it was remembered"
    );
}

#[test]
fn each_reason_has_a_name_of_its_own() {
    let stage = Stage::open();
    let judge = |sender: SignalSender| {
        let bytes = stage.peer(sender).sign(&signal(), 1);
        stage.gate.judge(&bytes)
    };
    let wrong = SignalKey::new(1, [2; 32]);
    assert_eq!(judge(sender(1, wrong)), Err(Refusal::Forged));
    assert_eq!(judge(sender(2, key())), Err(Refusal::Foreign));
    let next = SignalKey::new(2, [1; 32]);
    assert_eq!(judge(sender(1, next)), Err(Refusal::UnknownKey));
    assert_eq!(stage.gate.judge(b"hello"), Err(Refusal::Unreadable));
}

#[test]
fn a_signal_is_let_in_up_to_a_minute_before_or_after_our_clock() {
    for (by, expected) in [(60, true), (61, false)] {
        let stage = Stage::open();
        let late = stage.peer(sender(1, key())).sign(&signal(), 1);
        stage.clock.advance(SECOND * by);
        let early = stage.peer(sender(1, key())).sign(&signal(), 1);
        assert_eq!(stage.gate.judge(&late).is_ok(), expected, "{by} s old");

        stage.clock.set(Timestamp::from_secs(1_764_000_000));
        assert_eq!(stage.gate.judge(&early).is_ok(), expected, "{by} s ahead");
        if !expected {
            assert_eq!(stage.gate.judge(&early), Err(Refusal::Stale));
        }
    }
}

#[test]
fn a_known_kind_with_a_body_of_another_form_is_unreadable() {
    let stage = Stage::open();
    let peer = sender(1, key());
    let bytes = envelope::write(&peer, 1, stage.clock.now(), (1, b"\x09short"));
    assert_eq!(stage.gate.judge(&bytes), Err(Refusal::Unreadable));
    let bytes = envelope::write(&peer, 2, stage.clock.now(), (200, b"anything"));
    assert_eq!(stage.gate.judge(&bytes), Ok(Arrival::OfLaterVersion));
}

#[test]
fn refusals_are_counted_by_reason_and_the_first_of_each_is_told() {
    let refusals = Refusals::default();
    assert!(refusals.count(Refusal::Forged));
    assert!(!refusals.count(Refusal::Forged));
    assert!(refusals.count(Refusal::Stale));
    let expected = RefusedSignals {
        forged: 2,
        stale: 1,
        ..RefusedSignals::default()
    };
    assert_eq!(refusals.read(), expected);
}
