//! I6: whoever comes back is told what its position is worth, and the answer is one that the position allows.
//!
//! Each way of answering has its own conditions (the table "Continuity" of the protocol): `kept` starts where the
//! subscriber was, `forked` names a fork at or above it in the epoch that it left, `lost` has a reason and starts at
//! the head, and `fresh` is for those who offered nothing. A subscription that was asked for and never answered, or
//! that ended and never came back although the run gave it time, is an interruption that never ended. Where the right
//! to a channel was taken, it ends in words: the offer is refused for that reason, and nothing follows.

use std::collections::VecDeque;

use super::Verdicts;
use super::world::{Stream, World, held};
use crate::log::{At, Continuity, Event, Place, Verdict};

/// What is said of a right that is not there.
const NO_RIGHT: [&str; 2] = ["forbidden", "not_allowed"];

pub(super) fn check(world: &World<'_>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for stream in &world.streams {
        follow(&mut verdicts, stream);
    }
    for (place, event) in &world.events {
        if let Event::Unreadable { text } = event {
            verdicts.violation(format!("no client can read this frame: {text}"), [place]);
        }
    }
    verdicts
}

fn follow(verdicts: &mut Verdicts, stream: &Stream<'_>) {
    let mut offered: VecDeque<Option<&At>> = VecDeque::new();
    let mut standing: Option<&str> = None;
    // What is still to be answered.
    let mut open: Option<&Place> = None;
    // Whether the right was taken, and whether that was said.
    let (mut is_barred, mut is_over) = (false, false);
    for (number, (place, event)) in stream.heard.iter().enumerate() {
        let before = stream.heard.get(..number).unwrap_or_default();
        match event {
            Event::Subscribing { since, .. } => {
                if since.as_ref() != held(before) {
                    let text = format!(
                        "another position of {} was offered than the one held",
                        stream.topic
                    );
                    verdicts.violation(text, [place]);
                }
                offered.push_back(since.as_ref());
                open = Some(place);
            }
            Event::RightLost { .. } => is_barred = true,
            Event::Subscribed { .. } | Event::Message { .. } if is_barred => {
                let text = format!(
                    "the right to {} was taken, and it is served all the same",
                    stream.topic
                );
                verdicts.violation(text, [place]);
                // That is the finding; it is not also one that it never ended.
                open = None;
            }
            Event::Subscribed { verdict, .. } => {
                verdicts.looks();
                let since = offered.pop_front().flatten();
                if let Err(text) = answers(since, verdict) {
                    verdicts.violation(format!("{}: {text}", stream.topic), [place]);
                }
                standing = verdict.from.as_ref().map(|from| from.epoch.as_str());
                open = None;
            }
            Event::Continuity { verdict, .. } => {
                verdicts.looks();
                if let Err(text) = changes(held(before), standing, verdict) {
                    verdicts.violation(format!("{}: {text}", stream.topic), [place]);
                }
                standing = verdict.from.as_ref().map(|from| from.epoch.as_str());
            }
            Event::Unsubscribed { reason, .. } => {
                offered.pop_front();
                is_over |= is_barred && NO_RIGHT.contains(&reason.as_str());
                open = (!is_over).then_some(place);
            }
            Event::Disconnected { .. } => {
                offered.clear();
                open = (!is_over).then_some(place);
            }
            _ => {}
        }
    }
    if let Some(place) = open.filter(|_| stream.is_whole) {
        let text = format!("an interruption of {} never ended", stream.topic);
        verdicts.violation(text, [place]);
    }
}

/// Whether `subscribed` is an answer to what was offered.
fn answers(since: Option<&At>, verdict: &Verdict) -> Result<(), String> {
    let Some(since) = since else {
        return match verdict.continuity {
            Continuity::Fresh => Ok(()),
            _ => Err("nothing was offered, and the answer is not fresh".to_owned()),
        };
    };
    match &verdict.continuity {
        Continuity::Fresh => Err(format!("{since} was offered, and the answer is fresh")),
        Continuity::Kept => match &verdict.from {
            Some(from) if from == since => Ok(()),
            Some(from) => Err(format!("kept after {since}, but from {from}")),
            None => Err(format!("kept after {since}, and no word from where")),
        },
        Continuity::Forked { forked_at } => {
            forked(since, &[since.epoch.as_str()], forked_at.as_ref(), verdict)
        }
        Continuity::Lost { .. } => lost(verdict),
    }
}

/// Whether `continuity` is one that can change what is held.
fn changes(held: Option<&At>, standing: Option<&str>, verdict: &Verdict) -> Result<(), String> {
    match &verdict.continuity {
        Continuity::Fresh | Continuity::Kept => {
            Err("a continuity that changes is forked or lost".to_owned())
        }
        Continuity::Forked { forked_at } => {
            let held = held.ok_or("forked, and nothing was held")?;
            // The last message may have been a survivor of an epoch before the one in which it stands.
            let left: Vec<&str> = standing.into_iter().chain([held.epoch.as_str()]).collect();
            forked(held, &left, forked_at.as_ref(), verdict)
        }
        Continuity::Lost { .. } => lost(verdict),
    }
}

fn forked(
    since: &At,
    left: &[&str],
    forked_at: Option<&At>,
    verdict: &Verdict,
) -> Result<(), String> {
    let at = forked_at.ok_or("forked, and no word where")?;
    let from = verdict
        .from
        .as_ref()
        .ok_or("forked, and no word from where")?;
    if at.seq < since.seq {
        return Err(format!("forked at {at}, below {since}: that is diverged"));
    }
    if !left.contains(&at.epoch.as_str()) {
        return Err(format!("forked at {at}, which is not an epoch of {since}"));
    }
    if from.seq != since.seq || from.epoch == at.epoch {
        return Err(format!("forked after {since}, but from {from}"));
    }
    Ok(())
}

fn lost(verdict: &Verdict) -> Result<(), String> {
    let Continuity::Lost { reason: Some(_) } = verdict.continuity else {
        return Err("lost without a reason".to_owned());
    };
    if verdict.from != verdict.head {
        return Err("lost, and not from the head".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::forge::*;
    use crate::log::{Continuity, Event};

    fn heard(write: impl FnOnce(&mut Diary)) -> Forged {
        Forged::default().subscriber(write)
    }

    fn after_a_message(write: impl FnOnce(&mut Diary)) -> Forged {
        heard(|it| {
            it.fresh(("a", 4)).message("m5", ("a", 5));
            write(it);
        })
    }

    #[test]
    fn every_verdict_that_the_contract_knows_is_well() {
        after_a_message(|it| {
            it.cut().kept(("a", 5)).cut();
            it.forked(("a", 5), ("a", 7), ("b", 5)).cut();
            it.lost(("b", 5), "diverged", ("c", 4));
        })
        .passes(check);
    }

    #[test]
    fn an_interruption_that_never_ends_is_found() {
        after_a_message(|it| {
            it.cut();
        })
        .fails(check, "never ended");
        after_a_message(|it| {
            it.cut().asks(Some(("a", 5)));
        })
        .fails(check, "never ended");
    }

    #[test]
    fn a_taken_right_ends_in_a_refusal_for_that_reason_and_in_nothing_else() {
        let taken = |reason: &str| {
            let reason = reason.to_owned();
            after_a_message(|it| {
                it.cut().push(Event::RightLost { topic: topic() });
                it.asks(Some(("a", 5))).push(Event::Unsubscribed {
                    topic: topic(),
                    reason,
                });
            })
        };
        taken("forbidden").passes(check);
        after_a_message(|it| {
            it.cut().push(Event::RightLost { topic: topic() });
            it.asks(Some(("a", 5))).push(Event::Unsubscribed {
                topic: topic(),
                reason: "not_allowed".to_owned(),
            });
            it.cut();
        })
        .passes(check);
        taken("unavailable").fails(check, "never ended");
        after_a_message(|it| {
            it.cut().push(Event::RightLost { topic: topic() });
            it.kept(("a", 5));
        })
        .fails(check, "served all the same");
    }

    #[test]
    fn fresh_for_a_position_that_was_offered_is_found() {
        after_a_message(|it| {
            it.cut()
                .asks(Some(("a", 5)))
                .told(Continuity::Fresh, ("b", 0), ("b", 0));
        })
        .fails(check, "the answer is fresh");
    }

    #[test]
    fn kept_from_elsewhere_is_found() {
        after_a_message(|it| {
            it.cut()
                .asks(Some(("a", 5)))
                .told(Continuity::Kept, ("a", 6), ("a", 9));
        })
        .fails(check, "kept after a:5");
    }

    #[test]
    fn lost_without_a_reason_is_found() {
        after_a_message(|it| {
            it.cut().lost(("a", 5), "", ("b", 0));
        })
        .fails(check, "without a reason");
    }

    #[test]
    fn a_fork_below_what_was_held_is_found() {
        after_a_message(|it| {
            it.cut().forked(("a", 5), ("a", 4), ("b", 5));
        })
        .fails(check, "that is diverged");
    }

    #[test]
    fn a_fork_without_a_word_where_is_found() {
        after_a_message(|it| {
            let forked = Continuity::Forked { forked_at: None };
            it.cut()
                .asks(Some(("a", 5)))
                .told(forked, ("b", 5), ("b", 9));
        })
        .fails(check, "no word where");
    }

    #[test]
    fn a_live_change_to_kept_is_found() {
        after_a_message(|it| {
            it.changes(Continuity::Kept, ("a", 5), ("a", 5));
        })
        .fails(check, "forked or lost");
    }

    #[test]
    fn a_live_fork_is_of_the_epoch_in_which_the_subscriber_stands() {
        let story = |epoch: &'static str| {
            after_a_message(move |it| {
                let forked_at = Some(at((epoch, 6)));
                it.cut()
                    .forked(("a", 5), ("a", 6), ("b", 5))
                    .message("m6", ("a", 6));
                it.changes(Continuity::Forked { forked_at }, ("c", 6), ("c", 6));
            })
        };
        story("b").passes(check);
        story("x").fails(check, "not an epoch of");
    }

    #[test]
    fn a_frame_that_cannot_be_read_is_found() {
        after_a_message(|it| {
            it.push(Event::Unreadable {
                text: "{".to_owned(),
            });
        })
        .fails(check, "no client can read");
    }
}
