//! I4: a message is published once.
//!
//! However often it is sent, the same id is answered with the same position, and is delivered there. It may get
//! another one only if the first was declared lost. The lab never sends a mark under two ids, so that the same holds
//! for marks, and finds what a server published twice under two ids of its own. And what every answer called refused
//! must not be in any channel.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Verdicts;
use super::world::{Attempt, World};
use crate::log::{Answer, At, Place, Topic};

/// Where a message was seen, and by whom first.
type Positions<'a> = BTreeMap<&'a At, Place>;

pub(super) fn check(world: &World<'_>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let mut by_id: HashMap<(&Topic, &str), Positions<'_>> = HashMap::new();
    let mut by_mark: HashMap<(&Topic, &str), Positions<'_>> = HashMap::new();
    let acked = world
        .acks
        .iter()
        .map(|ack| (ack.topic, Some(ack.id), ack.mark, ack.position, &ack.place));
    let seen = world.seen.iter().filter_map(|seen| {
        let id = seen.message.id.as_deref();
        Some((
            seen.topic,
            id,
            seen.message.mark.as_str(),
            seen.position?,
            &seen.place,
        ))
    });
    for (topic, id, mark, position, place) in acked.chain(seen) {
        let ids = id.map(|id| by_id.entry((topic, id)).or_default());
        let marks = Some(mark).filter(|mark| !mark.is_empty());
        let marks = marks.map(|mark| by_mark.entry((topic, mark)).or_default());
        for positions in ids.into_iter().chain(marks) {
            positions.entry(position).or_insert_with(|| place.clone());
        }
    }
    let mut told = BTreeSet::new();
    for ((topic, name), positions) in by_id.iter().chain(&by_mark) {
        verdicts.looks();
        // The id and the mark of one message tell of the same places.
        if once(world, topic, positions) || !told.insert(positions.values().collect::<Vec<_>>()) {
            continue;
        }
        let shown: Vec<String> = positions.keys().map(ToString::to_string).collect();
        let shown = shown.join(" and ");
        verdicts.violation(
            format!(
                "{name} of {topic} is at {shown}, and at most one of these was not declared lost"
            ),
            positions.values(),
        );
    }
    refused(&mut verdicts, world, &by_mark);
    verdicts
}

/// At most one of the positions still stands.
fn once(world: &World<'_>, topic: &Topic, positions: &Positions<'_>) -> bool {
    let stands = |position: &&&At| !world.is_declared_lost(topic, position);
    positions.len() < 2 || positions.keys().filter(stands).count() < 2
}

/// What was never anything but refused.
fn refused(
    verdicts: &mut Verdicts,
    world: &World<'_>,
    by_mark: &HashMap<(&Topic, &str), Positions<'_>>,
) {
    let mut attempts: BTreeMap<(&Topic, &str), Vec<&Attempt<'_>>> = BTreeMap::new();
    for attempt in &world.attempts {
        let key = (attempt.topic, attempt.message.mark.as_str());
        attempts.entry(key).or_default().push(attempt);
    }
    for (key, attempts) in attempts {
        let is_refused =
            |attempt: &&Attempt<'_>| matches!(attempt.answer, Some(Answer::Refused { .. }));
        if !attempts.iter().all(is_refused) {
            continue;
        }
        verdicts.looks();
        if let Some(positions) = by_mark.get(&key) {
            let (topic, mark) = key;
            let text =
                format!("every attempt to publish {mark} in {topic} was refused, and it is there");
            verdicts.violation(text, positions.values());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::forge::*;

    #[test]
    fn a_repeat_that_is_told_the_same_position_is_well() {
        let logs = Forged::default()
            .acked("m1", ("a", 1))
            .acked("m1", ("a", 1))
            .logged("m1", ("a", 1));
        logs.passes(check);
    }

    #[test]
    fn a_message_at_two_positions_is_found() {
        let logs = Forged::default()
            .acked("m1", ("a", 1))
            .acked("m1", ("a", 2));
        logs.fails(check, "m1 of alpha/acked.1 is at a:1 and a:2");
    }

    #[test]
    fn a_retry_after_a_declared_loss_may_get_another_position() {
        let twice = Forged::default()
            .acked("m2", ("a", 2))
            .acked("m2", ("b", 3));
        twice.clone().lineage_forked("a", 1, "b").passes(check);
        twice
            .clone()
            .lineage_forked("a", 2, "b")
            .fails(check, "declared lost");
        twice.fails(check, "declared lost");
    }

    #[test]
    fn a_subscriber_that_was_told_diverged_declares_what_it_had_lost() {
        let logs = Forged::default().acked("m2", ("b", 3)).subscriber(|it| {
            it.fresh(("a", 0))
                .message("m1", ("a", 1))
                .message("m2", ("a", 2))
                .cut();
            it.lost(("a", 2), "diverged", ("b", 2))
                .message("m2", ("b", 3));
        });
        logs.passes(check);
    }

    #[test]
    fn what_was_only_refused_must_not_be_there() {
        Forged::default().refused("m1").passes(check);
        Forged::default()
            .refused("m1")
            .logged("m1", ("a", 1))
            .fails(check, "was refused");
        // An attempt that was answered otherwise excuses it.
        Forged::default()
            .refused("m1")
            .acked("m1", ("a", 1))
            .logged("m1", ("a", 1))
            .passes(check);
    }
}
