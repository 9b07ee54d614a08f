//! I3: a position names one content, for everybody.
//!
//! An epoch is never numbered by two servers, so the same `(epoch, seq)` has one content without exception. And a
//! fork says that up to its point the old numbering and the new one are the same messages.

use std::collections::HashMap;

use super::Verdicts;
use super::world::World;
use crate::log::{At, Place, Published, Topic};

/// What was first seen at each position.
type Contents<'a> = HashMap<(&'a Topic, &'a At), (Place, &'a Published)>;

/// The contents of one epoch, by number.
type Numbered<'a> = Vec<(u64, &'a Place, &'a Published)>;

pub(super) fn check(world: &World<'_>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let contents = contents(&mut verdicts, world);
    across_forks(&mut verdicts, world, &contents);
    verdicts
}

fn contents<'a>(verdicts: &mut Verdicts, world: &World<'a>) -> Contents<'a> {
    let mut contents = Contents::new();
    let mut compare =
        |topic, position: &'a At, place: &Place, message: &'a Published, id: Option<&str>| {
            verdicts.looks();
            let (first, known) = contents
                .entry((topic, position))
                .or_insert_with(|| (place.clone(), message));
            // An attempt may not know yet which id the server will give.
            let same_id = known.id.is_none() || id.is_none() || known.id.as_deref() == id;
            if !same_id || known.hash != message.hash {
                verdicts.violation(
                    format!(
                        "{position} of {topic} is {} for one and {} for another",
                        known.mark, message.mark
                    ),
                    [&*first, place],
                );
            }
        };
    for seen in &world.seen {
        if let Some(position) = seen.position {
            let id = seen.message.id.as_deref();
            compare(seen.topic, position, &seen.place, seen.message, id);
        }
    }
    let attempts: HashMap<_, _> = world
        .attempts
        .iter()
        .map(|attempt| {
            (
                (attempt.topic, attempt.message.mark.as_str()),
                attempt.message,
            )
        })
        .collect();
    for ack in &world.acks {
        if let Some(message) = attempts.get(&(ack.topic, ack.mark)) {
            compare(ack.topic, ack.position, &ack.place, message, Some(ack.id));
        }
    }
    contents
}

fn across_forks(verdicts: &mut Verdicts, world: &World<'_>, contents: &Contents<'_>) {
    let mut by_epoch: HashMap<(&Topic, &str), Numbered<'_>> = HashMap::new();
    for ((topic, position), (place, message)) in contents {
        let of_epoch = by_epoch.entry((topic, &position.epoch)).or_default();
        of_epoch.push((position.seq, place, message));
    }
    let mut seen = std::collections::HashSet::new();
    for fork in &world.forks {
        let is_new = seen.insert((fork.topic, fork.at, fork.new));
        let Some(olds) = by_epoch
            .get(&(fork.topic, fork.at.epoch.as_str()))
            .filter(|_| is_new)
        else {
            continue;
        };
        for (seq, place, old) in olds.iter().filter(|(seq, ..)| *seq <= fork.at.seq) {
            verdicts.looks();
            let position = At {
                epoch: fork.new.to_owned(),
                seq: *seq,
            };
            let Some((other, new)) = contents.get(&(fork.topic, &position)) else {
                continue;
            };
            if new.hash != old.hash {
                verdicts.violation(
                    format!(
                        "{seq} of {} is {} in {} and {} in {}, although the fork is above it, at {}",
                        fork.topic, old.mark, fork.at.epoch, new.mark, fork.new, fork.at
                    ),
                    [*place, other, &fork.place],
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::forge::*;

    fn two(second: &'static str, position: Short) -> Forged {
        Forged::default()
            .subscriber(|it| {
                it.fresh(("a", 0)).message("m1", ("a", 1));
            })
            .subscriber(move |it| {
                it.fresh((position.0, 0)).message(second, position);
            })
    }

    #[test]
    fn the_same_for_everybody_is_well() {
        two("m1", ("a", 1)).passes(check);
    }

    #[test]
    fn two_contents_of_one_position_are_found() {
        two("other", ("a", 1)).fails(check, "is m1 for one and other for another");
    }

    #[test]
    fn an_acknowledgement_of_a_position_that_holds_another_message_is_found() {
        let logs = Forged::default()
            .acked("m2", ("a", 1))
            .logged("m1", ("a", 1));
        logs.fails(check, "for another");
    }

    #[test]
    fn another_epoch_is_another_position_above_the_fork_alone() {
        two("other", ("b", 1)).passes(check);
        two("other", ("b", 1))
            .lineage_forked("a", 0, "b")
            .passes(check);
        two("other", ("b", 1))
            .lineage_forked("a", 1, "b")
            .fails(check, "the fork is above it");
    }
}
