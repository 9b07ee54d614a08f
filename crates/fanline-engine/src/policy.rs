//! The slow-consumer policy: what goes when a queue is full.
//!
//! Only messages of the subscription whose push did not fit are touched, only by the policy of its
//! channel, and each one that goes leaves a `skipped` in its place. Order never changes.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use fanline_protocol::SkipReason;
use fanline_tenancy::SlowConsumer;

use crate::outbox::{Item, Notice, Slot};

/// Makes room for `needed` bytes, if the policy can. Answers how many bytes were freed.
pub(crate) fn relieve(
    items: &mut VecDeque<Item>,
    slot: Slot,
    slow: SlowConsumer,
    needed: usize,
) -> usize {
    match slow {
        SlowConsumer::Disconnect => 0,
        // Half as much again, so that a full queue is not relieved for every single push.
        SlowConsumer::DropOldest => drop_oldest(items, slot, needed + needed / 2),
        SlowConsumer::Conflate => conflate(items, slot),
    }
}

fn drop_oldest(items: &mut VecDeque<Item>, slot: Slot, needed: usize) -> usize {
    let before: usize = items.iter().map(Item::weight).sum();
    // The newest message stays: it is the one that was just pushed.
    let droppable = items
        .iter()
        .filter(|item| is_message_of(item, slot))
        .count()
        .saturating_sub(1);
    let (mut freed, mut dropped) = (0, 0);
    for item in items.iter_mut() {
        if freed >= needed || dropped == droppable {
            break;
        }
        if is_message_of(item, slot) {
            freed += item.weight();
            dropped += 1;
            skip(item, SkipReason::Slow);
        }
    }
    merge_skips(items, slot);
    before.saturating_sub(items.iter().map(Item::weight).sum())
}

fn conflate(items: &mut VecDeque<Item>, slot: Slot) -> usize {
    let before: usize = items.iter().map(Item::weight).sum();
    let mut newer: HashSet<Option<Arc<str>>> = HashSet::new();
    for item in items.iter_mut().rev() {
        if is_message_of(item, slot)
            && let Item::Frame { key, .. } = item
            && !newer.insert(key.clone())
        {
            skip(item, SkipReason::Conflated);
        }
    }
    merge_skips(items, slot);
    before.saturating_sub(items.iter().map(Item::weight).sum())
}

/// Whether the item is a logged message of this subscription. Ephemeral ones have no position to skip to
/// and are outside the promise; they are dropped without a word by the caller's overflow.
fn is_message_of(item: &Item, wanted: Slot) -> bool {
    matches!(item, Item::Frame { slot, position: Some(_), .. } if *slot == wanted)
}

fn skip(item: &mut Item, reason: SkipReason) {
    if let Item::Frame {
        slot,
        position: Some(through),
        ..
    } = *item
    {
        *item = Item::Notice {
            slot,
            notice: Notice::Skipped {
                count: 1,
                through,
                reason,
            },
        };
    }
}

/// Joins skips of this subscription that no other item of it separates.
fn merge_skips(items: &mut VecDeque<Item>, wanted: Slot) {
    let mut kept: VecDeque<Item> = VecDeque::with_capacity(items.len());
    let mut open: Option<usize> = None;
    for item in items.drain(..) {
        if item.slot() != wanted {
            kept.push_back(item);
            continue;
        }
        let Item::Notice {
            notice:
                Notice::Skipped {
                    count,
                    through,
                    reason,
                },
            ..
        } = &item
        else {
            open = None;
            kept.push_back(item);
            continue;
        };
        let joined =
            open.and_then(|index| kept.get_mut(index))
                .is_some_and(|earlier| match earlier {
                    Item::Notice {
                        notice:
                            Notice::Skipped {
                                count: sum,
                                through: last,
                                reason: same,
                            },
                        ..
                    } if same == reason && last.epoch == through.epoch => {
                        *sum += count;
                        *last = *through;
                        true
                    }
                    _ => false,
                });
        if !joined {
            open = Some(kept.len());
            kept.push_back(item);
        }
    }
    *items = kept;
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use fanline_model::{Epoch, Position};
    use fanline_protocol::{Frame, SharedFrame};

    use super::*;
    use crate::outbox::{Outbox, Pushed};

    const SLOT: Slot = Slot {
        index: 0,
        generation: 1,
    };
    const OTHER: Slot = Slot {
        index: 1,
        generation: 1,
    };

    fn message(slot: Slot, seq: u64, key: Option<&str>) -> Item {
        Item::Frame {
            slot,
            position: Some(Position::new(Epoch::from_u64(1), seq)),
            key: key.map(Into::into),
            frame: SharedFrame::new(Frame::text("x".repeat(100))),
        }
    }

    /// What a reader sees: message seqs as they are, skips as (count, through).
    fn read(outbox: &Outbox, slot: Slot) -> Vec<(u64, u64)> {
        let mut items = Vec::new();
        outbox.take(usize::MAX, &mut items);
        items
            .iter()
            .filter(|item| item.slot() == slot)
            .map(|item| match item {
                Item::Frame { position, .. } => (0, position.unwrap().seq),
                Item::Notice {
                    notice: Notice::Skipped { count, through, .. },
                    ..
                } => (*count, through.seq),
                Item::Notice { .. } => (9, 9),
            })
            .collect()
    }

    fn room_for(messages: usize) -> Outbox {
        Outbox::new(messages * message(SLOT, 1, None).weight() + 10)
    }

    #[test]
    fn disconnect_takes_nothing_more_once_full() {
        let outbox = room_for(2);
        for seq in 1..=2 {
            assert_eq!(
                outbox.push(message(SLOT, seq, None), SlowConsumer::Disconnect),
                Pushed::Queued
            );
        }
        assert_eq!(
            outbox.push(message(SLOT, 3, None), SlowConsumer::Disconnect),
            Pushed::Overflowed
        );
        assert_eq!(
            outbox.push(message(SLOT, 4, None), SlowConsumer::Disconnect),
            Pushed::Overflowed
        );
    }

    #[test]
    fn drop_oldest_keeps_the_newest_and_counts_what_went_without_a_gap() {
        let outbox = room_for(4);
        outbox.push(message(OTHER, 1, None), SlowConsumer::DropOldest);
        for seq in 1..=50 {
            assert_eq!(
                outbox.push(message(SLOT, seq, None), SlowConsumer::DropOldest),
                Pushed::Queued
            );
        }
        let seen = read(&outbox, SLOT);
        let mut position = 0;
        for (count, through) in &seen {
            position += if *count == 0 { 1 } else { *count };
            assert_eq!(position, *through, "{seen:?}");
        }
        assert_eq!(position, 50);
        assert_eq!(
            seen.iter().filter(|(count, _)| *count > 0).count(),
            1,
            "one skip stands for all: {seen:?}"
        );
    }

    #[test]
    fn conflate_keeps_the_newest_of_each_key_in_order() {
        let outbox = room_for(4);
        let keys = ["a", "b", "a", "b", "a", "b"];
        for (seq, key) in (1..).zip(keys) {
            assert_eq!(
                outbox.push(message(SLOT, seq, Some(key)), SlowConsumer::Conflate),
                Pushed::Queued
            );
        }
        let seen = read(&outbox, SLOT);
        assert_eq!(seen.last(), Some(&(0, 6)));
        assert!(seen.contains(&(0, 5)) || seen.iter().any(|(count, _)| *count > 0));
        let position: u64 = seen
            .iter()
            .map(|(count, _)| if *count == 0 { 1 } else { *count })
            .sum();
        assert_eq!(position, 6);
    }

    #[test]
    fn another_subscription_of_the_connection_is_never_touched() {
        let outbox = room_for(3);
        outbox.push(message(OTHER, 1, None), SlowConsumer::DropOldest);
        for seq in 1..=10 {
            outbox.push(message(SLOT, seq, None), SlowConsumer::DropOldest);
        }
        assert_eq!(read(&outbox, OTHER), [(0, 1)]);
    }
}
