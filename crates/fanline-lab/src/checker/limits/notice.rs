//! How soon each server noticed a fault, by its own metrics.
//!
//! It noticed when it is degraded, or when a subscription that stood is no longer subscribed: it gave the connection
//! up. A channel that is followed anew is unsubscribed for a moment, too; what counts therefore lasts a while.

use std::collections::BTreeMap;

use super::{Taken, Window};
use crate::log::{Event, Logs, Place};

/// Longer than a subscription takes, in microseconds.
const LASTING: u64 = 250_000;

/// What a server showed at a look.
struct Look {
    at: u64,
    shows_it: bool,
    place: Place,
}

pub(super) fn take(logs: &Logs, window: Window) -> Vec<Taken> {
    let mut looks: BTreeMap<&str, Vec<Look>> = BTreeMap::new();
    for (place, entry) in logs.events() {
        if let Event::Metrics { node, values } = &entry.event {
            looks.entry(node).or_default().push(Look {
                at: entry.at,
                shows_it: shows_it(values),
                place,
            });
        }
    }
    let noticed = |(node, looks): (&str, Vec<Look>)| {
        let first = looks.iter().enumerate().find(|(number, look)| {
            // The last look holds until the end.
            let until = looks.get(number + 1).map_or(window.end, |next| next.at);
            look.shows_it && window.holds(look.at) && until.saturating_sub(look.at) >= LASTING
        });
        let place = first.map(|(_, look)| look).or(looks.last());
        Taken {
            micros: first.map(|(_, look)| look.at - window.begin),
            of: node.to_owned(),
            places: place.map(|look| look.place.clone()).into_iter().collect(),
        }
    };
    looks.into_iter().map(noticed).collect()
}

fn shows_it(values: &BTreeMap<String, u64>) -> bool {
    let value = |name: &str| values.get(name).copied().unwrap_or_default();
    value("degraded") > 0 || value("redis_channels_subscribed") < value("redis_channels_followed")
}
