//! S1: the run showed what its scenario is about.
//!
//! A scenario that never brought about what it exists for would pass every other check.

use std::collections::{HashMap, HashSet};

use super::Verdicts;
use crate::log::{Continuity, Event, Logs, LostReason, Sight, Topic};

pub(super) fn check(logs: &Logs) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (place, entry) in logs.events() {
        let Event::Expectation(expectation) = &entry.event else {
            continue;
        };
        verdicts.looks();
        let (what, count) = match expectation.sight {
            Sight::LostOnTheWay(reason) => (
                "the rest was lost to a subscriber who had been told kept",
                lost_on_the_way(logs, reason),
            ),
            Sight::RightRefused => ("a taken right was refused", refused(logs)),
            Sight::SharedConnection => (
                "two clients had one connection id at a time",
                shared_connections(logs),
            ),
            Sight::Fresh => ("a subscription without a position caught up", fresh(logs)),
        };
        let least = expectation.at_least;
        let seen = format!("{what}: {count} times; at least {least}");
        if count < least {
            verdicts.violation(format!("the run tested something else: {seen}"), [&place]);
        }
        verdicts.notes.push(seen);
    }
    verdicts
}

fn lost_on_the_way(logs: &Logs, why: LostReason) -> usize {
    let mut count = 0;
    for actor in logs.actors() {
        let mut catching_up: HashSet<&Topic> = HashSet::new();
        for (_, entry) in actor.events() {
            match &entry.event {
                Event::Subscribed { topic, verdict } if verdict.continuity == Continuity::Kept => {
                    catching_up.insert(topic);
                }
                Event::CaughtUp { topic } => {
                    catching_up.remove(topic);
                }
                Event::Disconnected { .. } => catching_up.clear(),
                Event::Continuity { topic, verdict } => {
                    let lost = Continuity::Lost { reason: Some(why) };
                    if verdict.continuity == lost && catching_up.contains(topic) {
                        count += 1;
                    }
                }
                _ => {}
            }
        }
    }
    count
}

fn refused(logs: &Logs) -> usize {
    let mut count = 0;
    for actor in logs.actors() {
        let mut taken: HashSet<&Topic> = HashSet::new();
        for (_, entry) in actor.events() {
            match &entry.event {
                Event::RightLost { topic } => {
                    taken.insert(topic);
                }
                Event::Unsubscribed { topic, .. } if taken.remove(topic) => count += 1,
                _ => {}
            }
        }
    }
    count
}

/// How often somebody came under an id that another one has at that moment.
fn shared_connections(logs: &Logs) -> usize {
    let mut changes = Vec::new();
    for (number, actor) in logs.actors().iter().enumerate() {
        for (_, entry) in actor.events() {
            match &entry.event {
                Event::Connected { connection, .. } => {
                    changes.push((entry.at, number, Some(connection.as_str())));
                }
                Event::Disconnected { .. } | Event::Stopped => {
                    changes.push((entry.at, number, None));
                }
                _ => {}
            }
        }
    }
    changes.sort_unstable();
    let mut held: HashMap<usize, &str> = HashMap::new();
    let mut count = 0;
    for (_, actor, connection) in changes {
        held.remove(&actor);
        if let Some(connection) = connection {
            count += usize::from(held.values().any(|other| *other == connection));
            held.insert(actor, connection);
        }
    }
    count
}

fn fresh(logs: &Logs) -> usize {
    let mut count = 0;
    for actor in logs.actors() {
        let mut begun: HashSet<&Topic> = HashSet::new();
        for (_, entry) in actor.events() {
            match &entry.event {
                Event::Subscribed { topic, verdict } if verdict.continuity == Continuity::Fresh => {
                    begun.insert(topic);
                }
                Event::CaughtUp { topic } if begun.remove(topic) => count += 1,
                _ => {}
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::forge::*;
    use crate::log::{ActorLog, Continuity, Event, Expectation, Logs, LostReason, Sight};

    /// How many violations there are if this must be seen once.
    fn missing(sight: Sight, actors: Vec<Vec<Event>>) -> usize {
        let expectation = Expectation { sight, at_least: 1 };
        let mut logs = vec![ActorLog::forged(
            "stage",
            vec![Event::Expectation(expectation)],
        )];
        logs.extend(actors.into_iter().map(|one| ActorLog::forged("one", one)));
        check(&Logs::forged(logs)).violations.len()
    }

    fn diary(write: impl FnOnce(&mut Diary)) -> Vec<Event> {
        let mut diary = Diary::default();
        write(&mut diary);
        diary.0
    }

    #[test]
    fn a_loss_on_the_way_is_one_before_caught_up() {
        let sight = || Sight::LostOnTheWay(LostReason::TooOld);
        let lost = || Continuity::Lost {
            reason: Some(LostReason::TooOld),
        };
        let on_the_way = diary(|it| {
            it.kept(("a", 1)).changes(lost(), ("a", 9), ("a", 9));
        });
        assert_eq!(missing(sight(), vec![on_the_way]), 0);
        let later = diary(|it| {
            it.kept(("a", 1))
                .caught_up()
                .changes(lost(), ("a", 9), ("a", 9));
        });
        assert_eq!(missing(sight(), vec![later]), 1);
    }

    #[test]
    fn a_refused_right_and_a_fresh_subscription_are_seen() {
        let refused = diary(|it| {
            it.push(Event::RightLost { topic: topic() });
            it.asks(Some(("a", 1))).push(Event::Unsubscribed {
                topic: topic(),
                reason: "forbidden".to_owned(),
            });
        });
        assert_eq!(missing(Sight::RightRefused, vec![refused]), 0);
        assert_eq!(missing(Sight::RightRefused, vec![Vec::new()]), 1);
        let fresh = diary(|it| {
            it.fresh(("a", 0)).caught_up();
        });
        assert_eq!(missing(Sight::Fresh, vec![fresh]), 0);
        assert_eq!(missing(Sight::Fresh, vec![Vec::new()]), 1);
    }

    #[test]
    fn a_connection_is_shared_by_two_who_have_it_at_a_time() {
        let with = |connection: &str| {
            vec![Event::Connected {
                node: "alpha-1".to_owned(),
                connection: connection.to_owned(),
            }]
        };
        let sight = Sight::SharedConnection;
        assert_eq!(missing(sight.clone(), vec![with("c1"), with("c1")]), 0);
        assert_eq!(missing(sight, vec![with("c1"), with("c2")]), 1);
    }
}
