//! How long publishes that were sent during a fault waited for an answer, whatever it was.

use std::collections::HashMap;

use super::{Taken, Window};
use crate::log::{Event, Logs};

pub(super) fn take(logs: &Logs, window: Window) -> Vec<Taken> {
    let mut taken = Vec::new();
    for actor in logs.actors() {
        let mut asked = HashMap::new();
        for (place, entry) in actor.events() {
            match &entry.event {
                Event::PublishAttempt { message, .. } if window.holds(entry.at) => {
                    asked.insert(message.mark.as_str(), (entry.at, place));
                }
                Event::PublishAnswer { mark, .. } => {
                    if let Some((begun, asking)) = asked.remove(mark.as_str()) {
                        taken.push(Taken {
                            micros: Some(entry.at - begun),
                            of: mark.clone(),
                            places: vec![asking, place],
                        });
                    }
                }
                _ => {}
            }
        }
        let open = asked.into_iter().map(|(mark, (_, place))| Taken {
            micros: None,
            of: mark.to_owned(),
            places: vec![place],
        });
        taken.extend(open);
    }
    taken
}
