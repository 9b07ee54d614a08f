//! The judge: pure functions from logs to violations, one file for each invariant.
//!
//! It knows the subscriber's contract (docs/protocol/native.md) and nothing of how it is kept. What it cannot decide
//! from the logs it does not accuse; what it accuses it shows, by file and line. It must never read anything but the
//! logs, nor believe a conclusion that an actor drew.

mod acked_arrives;
mod all_arrive;
mod in_order;
mod interruptions_end;
mod limits;
mod no_ghosts;
mod one_content;
mod one_position;
mod one_tenant;
mod sights;
mod span;
mod world;

#[cfg(test)]
mod forge;

use std::fmt;

use serde::Serialize;

use crate::log::{Logs, Place};
use world::World;

/// A promise, and what was found to break it.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// `I1` to `I7`, `L1`, `L2`, and `S1`.
    pub code: &'static str,
    /// The promise, in a sentence.
    pub promise: &'static str,
    /// How many times it was looked at: a promise that nothing put to the test was not kept.
    pub looked_at: usize,
    /// What breaks it.
    pub violations: Vec<Violation>,
    /// Figures that were held against it.
    pub notes: Vec<String>,
}

/// Something that the promise does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// What is wrong, in a sentence.
    pub text: String,
    /// The lines that show it, as `actor.jsonl:line`.
    pub places: Vec<String>,
}

/// What an invariant's file answers.
#[derive(Debug, Default)]
struct Verdicts {
    looked_at: usize,
    violations: Vec<Violation>,
    notes: Vec<String>,
}

/// A promise, and who checks it.
type Promise = (&'static str, &'static str, fn(&World<'_>) -> Verdicts);

const PROMISES: &[Promise] = &[
    (
        "I1",
        "no acknowledged message is missing at a subscriber that claims continuity and was not told of a fork",
        acked_arrives::check,
    ),
    (
        "I2",
        "seq rises by one for each subscriber, or a skip says otherwise",
        in_order::check,
    ),
    (
        "I3",
        "one position has one content, also across a fork declared above it",
        one_content::check,
    ),
    (
        "I4",
        "one message has one position, unless the first was declared lost",
        one_position::check,
    ),
    (
        "I5",
        "nothing crosses tenants or channels",
        one_tenant::check,
    ),
    (
        "I6",
        "every interruption ends in kept, forked, or lost with a reason",
        interruptions_end::check,
    ),
    (
        "I7",
        "no presence ghosts, and one leave for each death",
        no_ghosts::check,
    ),
    (
        "L1",
        "when all is quiet, everybody stands at the head and was told caught_up",
        all_arrive::check,
    ),
];

/// What a scenario demands beyond, and who checks it.
type Demand = (&'static str, &'static str, fn(&Logs) -> Verdicts);

const DEMANDS: &[Demand] = &[
    (
        "L2",
        "what the scenario bounds does not take longer",
        limits::check,
    ),
    (
        "S1",
        "the run showed what its scenario is about",
        sights::check,
    ),
];

/// Decides every promise, and what the scenario demands beyond.
#[must_use]
pub fn check(logs: &Logs) -> Vec<Checked> {
    let world = World::of(logs);
    let promises = PROMISES
        .iter()
        .map(|(code, promise, check)| check(&world).of(code, promise));
    let demands = DEMANDS
        .iter()
        .map(|(code, promise, check)| check(logs).of(code, promise))
        // Most scenarios demand nothing.
        .filter(|checked| checked.looked_at > 0 || !checked.violations.is_empty());
    promises.chain(demands).collect()
}

/// The acknowledged messages that the servers themselves declare lost: by a fork below them, or with their epoch.
#[must_use]
pub fn declared_lost(logs: &Logs) -> Vec<String> {
    let world = World::of(logs);
    let lost = world
        .acks
        .iter()
        .filter(|ack| world.is_declared_lost(ack.topic, ack.position));
    lost.map(|ack| ack.topic.channel.clone()).collect()
}

// === impl Verdicts ===

impl Verdicts {
    fn of(self, code: &'static str, promise: &'static str) -> Checked {
        let Self {
            looked_at,
            violations,
            notes,
        } = self;
        Checked {
            code,
            promise,
            looked_at,
            violations,
            notes,
        }
    }

    fn looks(&mut self) {
        self.looked_at += 1;
    }

    fn violation<'a>(
        &mut self,
        text: impl Into<String>,
        places: impl IntoIterator<Item = &'a Place>,
    ) {
        self.violations.push(Violation {
            text: text.into(),
            places: places.into_iter().map(ToString::to_string).collect(),
        });
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.text, self.places.join(", "))
    }
}
