//! I5: what a channel delivers was published to that channel of that tenant, by the lab.
//!
//! Both tenants use the same channel names, so that a key without its tenant is seen at once. Every payload names its
//! tenant and channel; and an epoch, drawn at random for each channel, must not turn up in two.

use std::collections::{HashMap, HashSet};

use super::Verdicts;
use super::world::World;
use crate::log::{Place, Topic};

pub(super) fn check(world: &World<'_>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let attempted: HashSet<(&Topic, &str)> = world
        .attempts
        .iter()
        .map(|attempt| (attempt.topic, attempt.message.mark.as_str()))
        .collect();
    let mut epochs: HashMap<&str, (&Topic, &Place)> = HashMap::new();
    for seen in &world.seen {
        verdicts.looks();
        let (topic, of, mark) = (seen.topic, &seen.message.of, seen.message.mark.as_str());
        let problem = if of != topic && !mark.is_empty() {
            Some(format!("{mark} was published to {of} and came on {topic}"))
        } else if !attempted.contains(&(topic, mark)) {
            Some(format!(
                "a message of {topic} was published by nobody: {:?}",
                seen.message.id
            ))
        } else {
            None
        };
        if let Some(text) = problem {
            verdicts.violation(text, [&seen.place]);
        }
        let Some(position) = seen.position else {
            continue;
        };
        let (first, place) = *epochs
            .entry(&position.epoch)
            .or_insert((topic, &seen.place));
        if first != topic {
            let text = format!("the epoch {} is of {first} and of {topic}", position.epoch);
            verdicts.violation(text, [place, &seen.place]);
        }
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::forge::*;
    use crate::log::{Event, Published, Topic};

    fn foreign() -> Topic {
        Topic {
            tenant: "beta".to_owned(),
            ..topic()
        }
    }

    fn heard(topic: Topic, message: Published, position: Short) -> Forged {
        let event = Event::Message {
            topic,
            position: Some(at(position)),
            message,
        };
        Forged::default()
            .attempted("m1")
            .actor("listener", vec![event])
    }

    #[test]
    fn what_was_published_here_is_well() {
        heard(topic(), message("m1"), ("a", 1)).passes(check);
    }

    #[test]
    fn a_message_of_another_tenant_is_found() {
        heard(foreign(), message("m1"), ("a", 1)).fails(check, "came on beta/acked.1");
    }

    #[test]
    fn a_message_that_nobody_published_is_found() {
        heard(topic(), message("m2"), ("a", 1)).fails(check, "by nobody");
    }

    #[test]
    fn an_epoch_of_two_channels_is_found() {
        let theirs = Published {
            of: foreign(),
            ..message("m1")
        };
        let attempt = Event::PublishAttempt {
            topic: foreign(),
            message: theirs.clone(),
            node: "beta-1".to_owned(),
            attempt: 1,
        };
        let hearing = Event::Message {
            topic: foreign(),
            position: Some(at(("a", 2))),
            message: theirs,
        };
        let logs = heard(topic(), message("m1"), ("a", 1)).actor("other", vec![attempt, hearing]);
        logs.fails(check, "the epoch a is of");
    }
}
