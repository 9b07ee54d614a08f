//! I2: within a subscription the next message is the next number.
//!
//! The numbering goes on across a change of epoch, so the number alone must rise by one. A message keeps the epoch
//! in which it was numbered: after a fork the survivors still carry the old one. So another epoch than the one in
//! which the subscriber stands is right only for what the verdict's head already covered, and never again after the
//! first message of the standing epoch. Anything else is a change of epoch without a word.

use super::Verdicts;
use super::world::{Stream, World};
use crate::log::{At, Event, Place, Verdict};

/// Where a subscriber stands within one subscription.
struct Standing<'a> {
    epoch: &'a str,
    /// The channel's last number when it was told.
    head: u64,
    /// Whether a message of the standing epoch came.
    has_arrived: bool,
}

pub(super) fn check(world: &World<'_>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for stream in &world.streams {
        follow(&mut verdicts, stream);
    }
    verdicts
}

fn follow(verdicts: &mut Verdicts, stream: &Stream<'_>) {
    let topic = stream.topic;
    let mut standing: Option<Standing<'_>> = None;
    let mut held: Option<(u64, &Place)> = None;
    let mut is_subscribed = false;
    for (place, event) in &stream.heard {
        match event {
            Event::Subscribed { verdict, .. } | Event::Continuity { verdict, .. } => {
                is_subscribed = true;
                standing = Standing::of(verdict);
                held = verdict.from.as_ref().map(|from| (from.seq, place));
            }
            Event::Message {
                position: Some(position),
                ..
            } => {
                verdicts.looks();
                if !is_subscribed {
                    let text = format!("{position} of {topic} came outside of any subscription");
                    verdicts.violation(text, [place]);
                }
                step(verdicts, stream, held, position.seq, position.seq, place);
                if let Some(standing) = &mut standing {
                    standing.takes(verdicts, stream, position, place);
                }
                held = Some((position.seq, place));
            }
            Event::Skipped { count, through, .. } => {
                verdicts.looks();
                let first = (through.seq + 1).saturating_sub(*count);
                step(verdicts, stream, held, first, through.seq, place);
                held = Some((through.seq, place));
            }
            Event::Disconnected { .. } | Event::Unsubscribed { .. } => is_subscribed = false,
            _ => {}
        }
    }
}

/// From what is held to the first of what came.
fn step(
    verdicts: &mut Verdicts,
    stream: &Stream<'_>,
    held: Option<(u64, &Place)>,
    first: u64,
    last: u64,
    place: &Place,
) {
    let Some((held, before)) = held else { return };
    let topic = stream.topic;
    let text = if first > held + 1 {
        format!("after {held} of {topic} came {first}: a gap without a word")
    } else if first <= held {
        format!("after {held} of {topic} came {first} again")
    } else if last < first {
        format!("nothing at all was skipped of {topic}")
    } else {
        return;
    };
    verdicts.violation(text, [before, place]);
}

// === impl Standing ===

impl<'a> Standing<'a> {
    fn of(verdict: &'a Verdict) -> Option<Self> {
        Some(Self {
            epoch: &verdict.from.as_ref()?.epoch,
            head: verdict.head.as_ref()?.seq,
            has_arrived: false,
        })
    }

    fn takes(
        &mut self,
        verdicts: &mut Verdicts,
        stream: &Stream<'_>,
        position: &At,
        place: &Place,
    ) {
        if position.epoch == self.epoch {
            self.has_arrived = true;
        } else if self.has_arrived || position.seq > self.head {
            verdicts.violation(
                format!(
                    "{position} of {} came to a subscriber who stands in {}: a change of epoch without a word",
                    stream.topic, self.epoch
                ),
                [place],
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::forge::*;
    use crate::log::Continuity;

    fn heard(write: impl FnOnce(&mut Diary)) -> Forged {
        Forged::default().subscriber(write)
    }

    #[test]
    fn one_after_the_other_over_connections_is_well() {
        let logs = heard(|it| {
            it.fresh(("a", 4))
                .message("m5", ("a", 5))
                .skipped(2, ("a", 7))
                .cut();
            it.kept(("a", 7)).message("m8", ("a", 8));
        });
        logs.passes(check);
    }

    #[test]
    fn a_gap_is_found() {
        heard(|it| {
            it.fresh(("a", 4)).message("m6", ("a", 6));
        })
        .fails(check, "a gap");
    }

    #[test]
    fn a_duplicate_is_found_also_after_a_resume() {
        heard(|it| {
            it.fresh(("a", 4))
                .message("m5", ("a", 5))
                .cut()
                .kept(("a", 5))
                .message("m5", ("a", 5));
        })
        .fails(check, "again");
    }

    #[test]
    fn a_skip_that_does_not_fit_is_found() {
        heard(|it| {
            it.fresh(("a", 4)).skipped(1, ("a", 6));
        })
        .fails(check, "a gap");
    }

    #[test]
    fn survivors_of_a_fork_keep_their_epoch() {
        heard(|it| {
            let forked_at = Some(at(("a", 6)));
            it.fresh(("a", 4)).message("m5", ("a", 5));
            it.changes(Continuity::Forked { forked_at }, ("b", 5), ("b", 7));
            it.message("m6", ("a", 6)).message("m7", ("b", 7));
        })
        .passes(check);
    }

    #[test]
    fn a_new_epoch_without_a_word_is_found() {
        heard(|it| {
            it.fresh(("a", 4))
                .message("m5", ("a", 5))
                .message("n6", ("b", 6));
        })
        .fails(check, "without a word");
    }

    #[test]
    fn an_old_epoch_after_the_new_one_is_found() {
        heard(|it| {
            it.fresh(("b", 4))
                .told(Continuity::Kept, ("b", 4), ("b", 9));
            it.message("m5", ("b", 5)).message("m6", ("a", 6));
        })
        .fails(check, "without a word");
    }

    #[test]
    fn a_message_after_the_line_was_cut_is_found() {
        heard(|it| {
            it.fresh(("a", 4)).cut().message("m5", ("a", 5));
        })
        .fails(check, "outside of any subscription");
    }
}
