//! Counts and times of a run.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::Timeline;
use crate::checker;
use crate::log::{Answer, Continuity, Event, Logs, Topic};

/// Counts and times. Times are milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Publishes that were sent, repeats included.
    pub attempts: usize,
    /// Answers that acknowledge, repeats included.
    pub acked: usize,
    /// Answers that refuse.
    pub refused: usize,
    /// Answers, or none, that leave it open.
    pub unknown: usize,
    /// Messages that subscribers received.
    pub delivered: usize,
    /// Acknowledged messages that the servers declare lost, by kind of channel.
    pub declared_lost: BTreeMap<String, usize>,
    /// What subscribers were told, by verdict.
    pub told: BTreeMap<String, usize>,
    /// The slowest answer to a publish.
    pub slowest_answer: u64,
    /// The slowest way from a lost line to a verdict.
    pub slowest_resume: u64,
    /// The longest time that any channel of a kind went without an acknowledgement after the first fault began.
    pub longest_outage: BTreeMap<String, u64>,
}

// === impl Figures ===

impl Figures {
    pub(super) fn of(logs: &Logs, timeline: &Timeline) -> Self {
        let mut figures = Self::default();
        let since = timeline.faults.first().map(|(begin, ..)| *begin);
        let mut acks: HashMap<&Topic, Vec<u64>> = HashMap::new();
        for actor in logs.actors() {
            let mut asked: HashMap<&str, u64> = HashMap::new();
            let mut lost: Option<u64> = None;
            for (_, entry) in actor.events() {
                let at = entry.at;
                match &entry.event {
                    Event::PublishAttempt { message, .. } => {
                        figures.attempts += 1;
                        asked.insert(&message.mark, at);
                    }
                    Event::PublishAnswer {
                        topic,
                        mark,
                        answer,
                    } => {
                        if let Some(begun) = asked.remove(mark.as_str()) {
                            longest(&mut figures.slowest_answer, at - begun);
                        }
                        if matches!(answer, Answer::Acked { .. }) {
                            acks.entry(topic).or_default().push(at);
                        }
                        figures.count(answer);
                    }
                    Event::Message { .. } => figures.delivered += 1,
                    Event::Disconnected { .. } => lost = Some(at),
                    Event::Subscribed { verdict, .. } => {
                        if let Some(begun) = lost.take() {
                            longest(&mut figures.slowest_resume, at - begun);
                        }
                        figures.tell("on resume", &verdict.continuity);
                    }
                    Event::Continuity { verdict, .. } => figures.tell("live", &verdict.continuity),
                    _ => {}
                }
            }
        }
        for channel in checker::declared_lost(logs) {
            *figures.declared_lost.entry(kind(&channel)).or_default() += 1;
        }
        for (topic, mut times) in acks {
            let outage = figures
                .longest_outage
                .entry(kind(&topic.channel))
                .or_default();
            times.sort_unstable();
            for pair in times.windows(2) {
                if let [before, after] = pair
                    && since.is_some_and(|since| *after > since)
                {
                    longest(outage, after - before);
                }
            }
        }
        figures
    }

    fn count(&mut self, answer: &Answer) {
        match answer {
            Answer::Acked { .. } => self.acked += 1,
            Answer::Refused { .. } => self.refused += 1,
            Answer::Unknown { .. } => self.unknown += 1,
        }
    }

    fn tell(&mut self, when: &str, continuity: &Continuity) {
        let verdict = verdict(continuity);
        *self.told.entry(format!("{verdict} {when}")).or_default() += 1;
    }
}

/// A verdict's name.
pub(super) fn verdict(continuity: &Continuity) -> String {
    match continuity {
        Continuity::Fresh => "fresh".to_owned(),
        Continuity::Kept => "kept".to_owned(),
        Continuity::Forked { .. } => "forked".to_owned(),
        Continuity::Lost { reason } => match reason {
            Some(reason) => format!("lost {reason:?}").to_lowercase(),
            None => "lost".to_owned(),
        },
    }
}

/// What a channel's kind is called: its name up to the first dot.
fn kind(channel: &str) -> String {
    channel.split('.').next().unwrap_or_default().to_owned()
}

/// Keeps the longer time; `micros` in microseconds.
fn longest(kept: &mut u64, micros: u64) {
    *kept = (*kept).max(micros / 1_000);
}
