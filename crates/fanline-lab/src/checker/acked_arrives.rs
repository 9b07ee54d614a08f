//! I1: what is acknowledged arrives, or its loss is told.
//!
//! Two views of the same promise. A subscriber whose span passes the number of an acknowledged message must have had
//! that very message, unless it left the message's epoch by a fork *below* it before it passed. And the log that is
//! left in the end must hold it, unless the servers say that the message's epoch is true only up to less.
//!
//! A fork that was told earlier, into the epoch in which the message was acknowledged, excuses nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Verdicts;
use super::span::{Span, Step, spans};
use super::world::{Ack, Truth, World};
use crate::log::Topic;

/// By number.
type Acks<'a> = BTreeMap<u64, Vec<&'a Ack<'a>>>;

pub(super) fn check(world: &World<'_>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let mut acks: HashMap<&Topic, Acks<'_>> = HashMap::new();
    for ack in &world.acks {
        let of_topic = acks.entry(ack.topic).or_default();
        of_topic.entry(ack.position.seq).or_default().push(ack);
    }
    for stream in &world.streams {
        let Some(acks) = acks.get(stream.topic) else {
            continue;
        };
        for span in spans(stream) {
            within(&mut verdicts, &span, acks);
            beyond(&mut verdicts, world, stream.topic, &span, acks);
        }
    }
    in_the_log(&mut verdicts, world);
    verdicts
}

/// Numbers that the subscriber has passed.
fn within(verdicts: &mut Verdicts, span: &Span<'_>, acks: &Acks<'_>) {
    if span.after >= span.through {
        return;
    }
    for (seq, acks) in acks.range(span.after + 1..=span.through) {
        for ack in acks {
            verdicts.looks();
            let step = span.steps.get(seq);
            match step {
                Some(Step::Skipped) => continue,
                Some(Step::Received(_, message)) if message.id.as_deref() == Some(ack.id) => {
                    continue;
                }
                _ => {}
            }
            let Some(why) = owed(span, ack, span.standing_at(*seq)) else {
                continue;
            };
            let place = match step {
                Some(Step::Received(place, _)) => Some(place),
                _ => None,
            };
            let instead = if place.is_some() {
                "another message"
            } else {
                "nothing"
            };
            verdicts.violation(
                format!(
                    "{} was acknowledged at {} of {}; a subscriber passed that number with {instead}, {why}",
                    ack.mark, ack.position, ack.topic
                ),
                [&ack.place].into_iter().chain(place).chain(told(span)),
            );
        }
    }
}

/// Numbers above those that the subscriber has had when all was quiet, if it stands at the head.
fn beyond(
    verdicts: &mut Verdicts,
    world: &World<'_>,
    topic: &Topic,
    span: &Span<'_>,
    acks: &Acks<'_>,
) {
    let head = world.heads.get(topic).and_then(|(_, head)| head.as_ref());
    let is_at_head = head.is_some_and(|head| {
        Some(head.epoch.as_str()) == span.last_epoch() && head.seq == span.through
    });
    if !span.is_open || !is_at_head {
        return;
    }
    for ack in acks.range(span.through + 1..).flat_map(|(_, acks)| acks) {
        verdicts.looks();
        if let Some(why) = owed(span, ack, span.standings.len() - 1) {
            verdicts.violation(
                format!(
                    "{} was acknowledged at {} of {}; in the end the head is below it, {why}",
                    ack.mark, ack.position, ack.topic
                ),
                [&ack.place].into_iter().chain(told(span)),
            );
        }
    }
}

/// Why the subscriber could rely on a message when it stood in this numbering; `None` if it could not.
fn owed(span: &Span<'_>, ack: &Ack<'_>, standing: usize) -> Option<String> {
    let stood = span.standings.get(..=standing)?;
    let in_epoch = stood
        .iter()
        .rposition(|standing| standing.epoch == ack.position.epoch)?;
    let later = stood.get(in_epoch + 1..)?;
    if later.is_empty() {
        return Some("while it stood in that very epoch".to_owned());
    }
    let survived = later.iter().filter_map(|standing| standing.forked_at).min();
    match survived {
        Some(at) if at < ack.position.seq => None,
        Some(at) => Some(format!("and was told that the epoch is true up to {at}")),
        None => Some("and was told of no fork since it stood in that epoch".to_owned()),
    }
}

fn told<'a>(span: &'a Span<'_>) -> impl Iterator<Item = &'a crate::log::Place> {
    span.standings
        .last()
        .map(|standing| &standing.place)
        .into_iter()
}

/// What the servers hold in the end.
fn in_the_log(verdicts: &mut Verdicts, world: &World<'_>) {
    let mut first: HashMap<&Topic, u64> = HashMap::new();
    let mut logged = HashSet::new();
    for seen in world.seen.iter().filter(|seen| seen.is_logged) {
        let Some(position) = seen.position else {
            continue;
        };
        let least = first.entry(seen.topic).or_insert(position.seq);
        *least = position.seq.min(*least);
        logged.insert((seen.topic, position, seen.message.id.as_deref()));
    }
    for ack in &world.acks {
        // What was trimmed is nobody's loss.
        let Some(first) = first
            .get(ack.topic)
            .filter(|first| ack.position.seq >= **first)
        else {
            continue;
        };
        let is_true = match world.truth(ack.topic, &ack.position.epoch) {
            Truth::Whole => true,
            Truth::UpTo(at) => ack.position.seq <= at,
            Truth::Nothing | Truth::Unknown => false,
        };
        if !is_true {
            continue;
        }
        verdicts.looks();
        if !logged.contains(&(ack.topic, ack.position, Some(ack.id))) {
            verdicts.violation(
                format!(
                    "{} was acknowledged at {} of {}, which the servers call true; their log begins at {first} and does not hold it",
                    ack.mark, ack.position, ack.topic
                ),
                [&ack.place],
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::forge::*;

    /// A subscriber had 1 to 3 of epoch `a`, and was told of a fork into `b` after `at`.
    fn forked(at: u64) -> Forged {
        Forged::default()
            .acked("m3", ("a", 3))
            .acked("m4", ("a", 4))
            .subscriber(|it| {
                it.fresh(("a", 0))
                    .message("m1", ("a", 1))
                    .message("m2", ("a", 2))
                    .message("m3", ("a", 3));
                it.cut()
                    .forked(("a", 3), ("a", at), ("b", 3))
                    .message("n4", ("b", 4));
            })
    }

    #[test]
    fn what_is_acknowledged_and_received_is_well() {
        let logs = Forged::default().acked("m1", ("a", 1)).subscriber(|it| {
            it.fresh(("a", 0)).message("m1", ("a", 1));
        });
        logs.passes(check);
    }

    #[test]
    fn a_hole_in_what_was_acknowledged_is_found() {
        let logs = Forged::default().acked("m2", ("a", 2)).subscriber(|it| {
            it.fresh(("a", 0))
                .message("m1", ("a", 1))
                .message("m3", ("a", 3));
        });
        logs.fails(check, "with nothing");
    }

    #[test]
    fn a_resume_that_says_kept_one_message_short_is_found() {
        let logs = Forged::default().acked("m2", ("a", 2)).subscriber(|it| {
            it.fresh(("a", 0)).message("m1", ("a", 1)).cut();
            it.kept(("a", 1)).message("m3", ("a", 3));
        });
        logs.fails(check, "that very epoch");
    }

    #[test]
    fn what_a_fork_below_it_declared_lost_is_no_violation() {
        forked(3).passes(check);
    }

    #[test]
    fn what_a_fork_above_it_declared_true_must_arrive() {
        forked(4).fails(check, "true up to 4");
    }

    #[test]
    fn an_earlier_fork_into_the_epoch_excuses_nothing() {
        let logs = Forged::default().acked("m2", ("b", 2)).subscriber(|it| {
            it.fresh(("a", 0)).message("m1", ("a", 1)).cut();
            it.forked(("a", 1), ("a", 1), ("b", 1))
                .message("x", ("b", 2));
        });
        logs.fails(check, "with another message");
    }

    #[test]
    fn of_several_forks_the_lowest_counts() {
        let logs = Forged::default().acked("m3", ("a", 3)).subscriber(|it| {
            it.fresh(("a", 0)).message("m1", ("a", 1)).cut();
            it.forked(("a", 1), ("a", 5), ("b", 1)).cut();
            it.forked(("b", 1), ("b", 2), ("c", 1))
                .message("m2", ("a", 2))
                .message("n3", ("c", 3));
        });
        logs.passes(check);
    }

    #[test]
    fn whoever_begins_after_it_claims_nothing_of_it() {
        let logs = Forged::default().acked("m3", ("a", 3)).subscriber(|it| {
            it.fresh(("b", 2)).message("n3", ("b", 3));
        });
        logs.passes(check);
    }

    #[test]
    fn whoever_is_told_lost_claims_nothing_of_what_was_missed() {
        let logs = Forged::default().acked("m2", ("a", 2)).subscriber(|it| {
            it.fresh(("a", 0)).message("m1", ("a", 1)).cut();
            it.lost(("a", 1), "too_old", ("a", 5))
                .message("m6", ("a", 6));
        });
        logs.passes(check);
    }

    #[test]
    fn what_was_skipped_by_word_is_not_missing() {
        let logs = Forged::default().acked("m2", ("a", 2)).subscriber(|it| {
            it.fresh(("a", 0))
                .message("m1", ("a", 1))
                .skipped(1, ("a", 2))
                .message("m3", ("a", 3));
        });
        logs.passes(check);
    }

    #[test]
    fn what_is_acknowledged_above_the_final_head_is_found() {
        let logs = Forged::default()
            .acked("m2", ("a", 2))
            .head(("a", 1))
            .subscriber(|it| {
                it.fresh(("a", 0)).message("m1", ("a", 1));
            });
        logs.fails(check, "the head is below it");
    }

    #[test]
    fn the_final_log_must_hold_what_the_servers_call_true() {
        let whole = Forged::default()
            .acked("m2", ("a", 2))
            .logged("m1", ("a", 1));
        whole
            .clone()
            .lineage_kept("a")
            .fails(check, "does not hold it");
        whole.clone().lineage_forked("a", 1, "b").passes(check);
        whole
            .lineage_forked("a", 2, "b")
            .fails(check, "does not hold it");
    }
}
