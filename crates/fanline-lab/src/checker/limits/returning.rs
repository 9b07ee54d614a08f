//! How long subscriptions were away whose line broke during a fault, by no doing of the subscriber's own.

use std::collections::HashMap;

use super::{Taken, Window};
use crate::log::{Event, Logs, Topic};

pub(super) fn take(logs: &Logs, window: Window) -> Vec<Taken> {
    let mut taken = Vec::new();
    for actor in logs.actors() {
        // Since when each is away, of those that had a subscription.
        let mut away = HashMap::new();
        let mut topics: Vec<&Topic> = Vec::new();
        for (place, entry) in actor.events() {
            match &entry.event {
                Event::Subscribed { topic, .. } if !topics.contains(&topic) => topics.push(topic),
                Event::Disconnected { by_us: false, .. } if window.holds(entry.at) => {
                    for topic in &topics {
                        away.entry(*topic).or_insert((entry.at, place.clone()));
                    }
                }
                Event::CaughtUp { topic } => {
                    if let Some((since, broken)) = away.remove(topic) {
                        taken.push(Taken {
                            micros: Some(entry.at - since),
                            of: topic.to_string(),
                            places: vec![broken, place],
                        });
                    }
                }
                _ => {}
            }
        }
        let open = away.into_iter().map(|(topic, (_, broken))| Taken {
            micros: None,
            of: topic.to_string(),
            places: vec![broken],
        });
        taken.extend(open);
    }
    taken
}
