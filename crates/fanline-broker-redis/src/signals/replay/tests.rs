use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_764_000_000);

fn boot(number: u64) -> BootId {
    BootId::from_u64(number)
}

#[test]
fn every_counter_is_heard_once_in_whatever_order() {
    let mut heard = Heard::default();
    let order = [3, 1, 2, 900, 5, 4, 899, 1_000];
    for counter in order {
        assert!(heard.is_first(boot(1), counter, NOW, NOW), "{counter}");
    }
    for counter in order {
        assert!(!heard.is_first(boot(1), counter, NOW, NOW), "{counter}");
    }
}

#[test]
fn senders_count_apart() {
    let mut heard = Heard::default();
    assert!(heard.is_first(boot(1), 7, NOW, NOW));
    assert!(heard.is_first(boot(2), 7, NOW, NOW));
}

/// A plain set of what was heard is the truth; the ring of bits must say the same within its window.
#[test]
fn the_window_knows_what_a_set_would_know() {
    let mut heard = Heard::default();
    let mut set = std::collections::HashSet::new();
    let mut highest = 0;
    // Steps that cross the ends of words and of the ring, forwards and backwards.
    let mut counter: u64 = 1;
    for step in 0..20_000_u64 {
        counter = match step % 7 {
            0 => counter + 1,
            1 => counter + 63,
            2 => counter.saturating_sub(64).max(1),
            3 => counter + 130,
            4 => counter.saturating_sub(step % 960).max(1),
            5 => counter + step % 1_100,
            _ => counter.saturating_sub(1).max(1),
        };
        let in_window = counter + WINDOW > highest;
        let expected = in_window && !set.contains(&counter);
        let first = heard.is_first(boot(1), counter, NOW, NOW);
        assert_eq!(first, expected, "{counter} with {highest} heard");
        if in_window {
            set.insert(counter);
            highest = highest.max(counter);
        }
    }
}

#[test]
fn no_counter_is_zero_and_the_last_one_is_heard() {
    let mut heard = Heard::default();
    assert!(!heard.is_first(boot(1), 0, NOW, NOW));
    assert!(heard.is_first(boot(1), u64::MAX, NOW, NOW));
    assert!(!heard.is_first(boot(1), u64::MAX, NOW, NOW));
    assert!(!heard.is_first(boot(1), 1, NOW, NOW));
}

#[test]
fn senders_are_bounded_and_those_that_could_still_be_replayed_go_last() {
    let mut heard = Heard::default();
    for number in 0..SENDERS as u64 {
        let time = NOW.plus(Duration::from_millis(number));
        assert!(heard.is_first(boot(number), 1, time, NOW));
    }
    // All of them are fresh: the one that was silent for the longest goes.
    assert!(heard.is_first(boot(1 << 32), 1, NOW.plus(TOLERANCE), NOW));
    assert_eq!(heard.senders.len(), SENDERS);
    assert!(!heard.senders.contains_key(&boot(0)) && heard.senders.contains_key(&boot(1)));
    // The first two thousand are too old to be let in again, whatever is remembered of them.
    let later = NOW.plus(TOLERANCE + Duration::from_secs(2));
    assert!(heard.is_first(boot(1 << 33), 1, later, later));
    assert_eq!(heard.senders.len(), SENDERS - 1_999 + 1);
}
