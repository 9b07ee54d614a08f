//! How long messages that were acknowledged during a fault took to subscribers whose line stood all the while.
//!
//! Who came back later had the message as part of what it missed, which is another measure; who never had it is found
//! by I1 and L1.

use std::collections::HashMap;

use super::{Taken, Window};
use crate::log::{Answer, Event, Logs, Topic};

pub(super) fn take(logs: &Logs, window: Window) -> Vec<Taken> {
    let mut acked: HashMap<(&Topic, &str), u64> = HashMap::new();
    for (_, entry) in logs.events().filter(|(_, entry)| window.holds(entry.at)) {
        if let Event::PublishAnswer {
            topic,
            answer: Answer::Acked { id, .. },
            ..
        } = &entry.event
        {
            acked.entry((topic, id)).or_insert(entry.at);
        }
    }
    let mut taken = Vec::new();
    for actor in logs.actors() {
        let mut subscribed: HashMap<&Topic, u64> = HashMap::new();
        for (place, entry) in actor.events() {
            match &entry.event {
                Event::Subscribed { topic, .. } => {
                    subscribed.insert(topic, entry.at);
                }
                Event::Message { topic, message, .. } => {
                    let id = message.id.as_deref().unwrap_or_default();
                    let at = acked.get(&(topic, id)).copied();
                    let stood = |at: &u64| subscribed.get(topic).is_some_and(|since| since < at);
                    taken.extend(at.filter(stood).map(|at| Taken {
                        // A subscriber may be quicker than the publisher's answer.
                        micros: Some(entry.at.saturating_sub(at)),
                        of: id.to_owned(),
                        places: vec![place],
                    }));
                }
                _ => {}
            }
        }
    }
    taken
}
