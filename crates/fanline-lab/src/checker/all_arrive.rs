//! L1: nothing is late for ever.
//!
//! After the last publish was answered the run waits until all is quiet, with a deadline. Then every subscriber
//! stands at its channels' heads, in their present epochs, and each of its last subscriptions was told `caught_up`
//! exactly once.

use super::Verdicts;
use super::span::spans;
use super::world::{Stream, World};
use crate::log::{Event, Place};

pub(super) fn check(world: &World<'_>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (place, event) in &world.events {
        if let Event::NotQuiet { why } = event {
            verdicts.violation(format!("not quiet in time: {why}"), [place]);
        }
    }
    for stream in world.streams.iter().filter(|stream| stream.is_whole) {
        verdicts.looks();
        if !stream.is_barred() {
            at_the_head(&mut verdicts, world, stream);
        }
        told_once(&mut verdicts, stream);
    }
    verdicts
}

fn at_the_head(verdicts: &mut Verdicts, world: &World<'_>, stream: &Stream<'_>) {
    let Some((place, Some(head))) = world.heads.get(stream.topic) else {
        return;
    };
    let spans = spans(stream);
    let last = spans.last();
    let stands = last.and_then(|span| Some((span.last_epoch()?, span.through)));
    if stands == Some((head.epoch.as_str(), head.seq)) {
        return;
    }
    let shown = stands.map_or_else(
        || "nowhere".to_owned(),
        |(epoch, seq)| format!("at {epoch}:{seq}"),
    );
    let topic = stream.topic;
    let text = format!("the head of {topic} is {head} in the end, and a subscriber stands {shown}");
    let last = stream.heard.last().map(|(place, _)| place);
    verdicts.violation(text, [place].into_iter().chain(last));
}

/// `caught_up` comes exactly once for each `subscribed` that is not ended first.
fn told_once(verdicts: &mut Verdicts, stream: &Stream<'_>) {
    let mut owed: Option<&Place> = None;
    let mut is_subscribed = false;
    for (place, event) in &stream.heard {
        match event {
            Event::Subscribed { .. } => {
                owed = Some(place);
                is_subscribed = true;
            }
            Event::Disconnected { .. } | Event::Unsubscribed { .. } => {
                owed = None;
                is_subscribed = false;
            }
            Event::CaughtUp { .. } if owed.take().is_none() => {
                let when = if is_subscribed {
                    "twice"
                } else {
                    "outside of a subscription"
                };
                let text = format!("caught_up of {} came {when}", stream.topic);
                verdicts.violation(text, [place]);
            }
            _ => {}
        }
    }
    if let Some(place) = owed {
        let text = format!(
            "a subscription of {} was never told caught_up",
            stream.topic
        );
        verdicts.violation(text, [place]);
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::forge::*;
    use crate::log::Event;

    fn heard(write: impl FnOnce(&mut Diary)) -> Forged {
        Forged::default().head(("a", 5)).subscriber(write)
    }

    #[test]
    fn whoever_stands_at_the_head_and_was_told_is_well() {
        heard(|it| {
            it.fresh(("a", 4))
                .cut()
                .kept(("a", 4))
                .message("m5", ("a", 5))
                .caught_up();
        })
        .passes(check);
    }

    #[test]
    fn whoever_stands_below_the_head_is_found() {
        heard(|it| {
            it.fresh(("a", 4)).caught_up();
        })
        .fails(check, "stands at a:4");
    }

    #[test]
    fn whoever_stands_in_an_old_epoch_is_found() {
        heard(|it| {
            it.fresh(("z", 5)).caught_up();
        })
        .fails(check, "stands at z:5");
    }

    #[test]
    fn caught_up_that_never_comes_or_comes_twice_is_found() {
        heard(|it| {
            it.fresh(("a", 5));
        })
        .fails(check, "never told");
        heard(|it| {
            it.fresh(("a", 5)).caught_up().caught_up();
        })
        .fails(check, "came twice");
    }

    #[test]
    fn what_is_not_quiet_at_the_deadline_is_found() {
        let why = "somebody is behind".to_owned();
        let logs = Forged::default().actor("stage", vec![Event::NotQuiet { why }]);
        logs.fails(check, "somebody is behind");
    }
}
