//! The logs, sorted by what they are about.

use std::collections::{BTreeMap, HashMap};

use crate::log::{
    Answer, At, Continuity, Event, Logs, LostReason, Place, Published, Topic, Verdict,
};

/// Everything that happened in a run.
#[derive(Debug, Default)]
pub(super) struct World<'a> {
    /// Every attempt to publish.
    pub(super) attempts: Vec<Attempt<'a>>,
    /// Every acknowledgement.
    pub(super) acks: Vec<Ack<'a>>,
    /// What each subscriber heard of each of its channels, in order.
    pub(super) streams: Vec<Stream<'a>>,
    /// Every message that was received or read in the final log.
    pub(super) seen: Vec<Seen<'a>>,
    /// Where each channel stood in the end.
    pub(super) heads: HashMap<&'a Topic, (Place, &'a Option<At>)>,
    /// Every fork that anybody was told of.
    pub(super) forks: Vec<Fork<'a>>,
    /// Positions that were told to be lost, and why.
    lost: Vec<(&'a Topic, &'a At, LostReason)>,
    /// What each epoch was worth in the end.
    lineages: HashMap<(&'a Topic, &'a str), &'a Verdict>,
    /// Every other event, by actor.
    pub(super) events: Vec<(Place, &'a Event)>,
}

/// An attempt to publish, and how it was answered.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) topic: &'a Topic,
    pub(super) message: &'a Published,
    /// `None` while nothing was answered.
    pub(super) answer: Option<&'a Answer>,
}

/// An acknowledged message.
#[derive(Debug)]
pub(super) struct Ack<'a> {
    pub(super) place: Place,
    pub(super) topic: &'a Topic,
    pub(super) mark: &'a str,
    pub(super) id: &'a str,
    pub(super) position: &'a At,
}

/// What a subscriber heard of one channel.
#[derive(Debug)]
pub(super) struct Stream<'a> {
    pub(super) topic: &'a Topic,
    /// With the ends of its connections among them.
    pub(super) heard: Vec<(Place, &'a Event)>,
    /// Whether the subscriber was there to the end of the run.
    pub(super) is_whole: bool,
}

/// A message at a position.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) place: Place,
    pub(super) topic: &'a Topic,
    pub(super) position: Option<&'a At>,
    pub(super) message: &'a Published,
    /// Whether it was read in the final log.
    pub(super) is_logged: bool,
}

/// A fork that was declared: `old` is true up to `at`, and goes on as `new`.
#[derive(Debug)]
pub(super) struct Fork<'a> {
    pub(super) place: Place,
    pub(super) topic: &'a Topic,
    pub(super) at: &'a At,
    pub(super) new: &'a str,
}

/// How much of an epoch is true in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// All of it.
    Whole,
    /// What is at most here.
    UpTo(u64),
    /// Nothing: the servers do not know it any more.
    Nothing,
    /// Nobody asked, or the answer does not tell.
    Unknown,
}

// === impl World ===

impl<'a> World<'a> {
    pub(super) fn of(logs: &'a Logs) -> Self {
        let mut world = Self::default();
        for actor in logs.actors() {
            let events: Vec<_> = actor.events().collect();
            let stopped = |event: &&Event| matches!(event, Event::Stopped);
            let is_whole = events
                .iter()
                .map(|(_, entry)| &entry.event)
                .any(|event| stopped(&event));
            let first = world.attempts.len();
            let mut streams: BTreeMap<&Topic, Stream<'_>> = BTreeMap::new();
            for (place, entry) in events {
                let event = &entry.event;
                world.take(first, &place, event);
                world.sort(&mut streams, is_whole, place, event);
            }
            world.streams.extend(streams.into_values());
        }
        world
    }

    /// What an event says by itself.
    fn take(&mut self, first: usize, place: &Place, event: &'a Event) {
        match event {
            Event::PublishAttempt { topic, message, .. } => self.attempts.push(Attempt {
                topic,
                message,
                answer: None,
            }),
            Event::PublishAnswer {
                topic,
                mark,
                answer,
            } => {
                let own = self.attempts.get_mut(first..).unwrap_or_default();
                let asked = own
                    .iter_mut()
                    .rev()
                    .find(|attempt| attempt.message.mark == *mark);
                if let Some(attempt) = asked {
                    attempt.answer = Some(answer);
                }
                if let Answer::Acked { id, position, .. } = answer {
                    self.acks.push(Ack {
                        place: place.clone(),
                        topic,
                        mark,
                        id,
                        position,
                    });
                }
            }
            Event::Message {
                topic,
                position,
                message,
            } => self.seen.push(Seen {
                place: place.clone(),
                topic,
                position: position.as_ref(),
                message,
                is_logged: false,
            }),
            Event::Logged {
                topic,
                position,
                message,
            } => self.seen.push(Seen {
                place: place.clone(),
                topic,
                position: Some(position),
                message,
                is_logged: true,
            }),
            Event::FinalHead { topic, head } => {
                self.heads.insert(topic, (place.clone(), head));
            }
            Event::Lineage {
                topic,
                since,
                verdict,
            } => {
                self.lineages.insert((topic, &since.epoch), verdict);
                self.verdict(topic, verdict, place);
            }
            Event::Subscribed { topic, verdict } | Event::Continuity { topic, verdict } => {
                self.verdict(topic, verdict, place);
            }
            _ => {}
        }
    }

    fn verdict(&mut self, topic: &'a Topic, verdict: &'a Verdict, place: &Place) {
        let Continuity::Forked {
            forked_at: Some(at),
        } = &verdict.continuity
        else {
            return;
        };
        if let Some(from) = &verdict.from {
            self.forks.push(Fork {
                place: place.clone(),
                topic,
                at,
                new: &from.epoch,
            });
        }
    }

    /// Puts an event where its order matters.
    fn sort(
        &mut self,
        streams: &mut BTreeMap<&'a Topic, Stream<'a>>,
        is_whole: bool,
        place: Place,
        event: &'a Event,
    ) {
        match event {
            Event::Subscribing { topic, .. }
            | Event::Subscribed { topic, .. }
            | Event::Continuity { topic, .. }
            | Event::Message { topic, .. }
            | Event::Skipped { topic, .. }
            | Event::CaughtUp { topic }
            | Event::Unsubscribed { topic, .. }
            | Event::RightLost { topic } => {
                let stream = streams.entry(topic).or_insert_with(|| Stream {
                    topic,
                    heard: Vec::new(),
                    is_whole,
                });
                self.note_loss(stream, event);
                stream.heard.push((place, event));
            }
            Event::Disconnected { .. } | Event::ConnectFailed { .. } => {
                for stream in streams.values_mut() {
                    stream.heard.push((place.clone(), event));
                }
                self.events.push((place, event));
            }
            _ => self.events.push((place, event)),
        }
    }

    /// A position that was offered, or held, and is told to be lost.
    fn note_loss(&mut self, stream: &Stream<'a>, event: &'a Event) {
        let (Event::Subscribed { topic, verdict } | Event::Continuity { topic, verdict }) = event
        else {
            return;
        };
        let Continuity::Lost {
            reason: Some(reason),
        } = verdict.continuity
        else {
            return;
        };
        if let Some(held) = held(&stream.heard) {
            self.lost.push((topic, held, reason));
        }
    }

    /// How much of an epoch is true in the end, by the servers' own word.
    pub(super) fn truth(&self, topic: &Topic, epoch: &str) -> Truth {
        let Some(verdict) = self.lineages.get(&(topic, epoch)) else {
            return Truth::Unknown;
        };
        match &verdict.continuity {
            Continuity::Kept => Truth::Whole,
            Continuity::Forked {
                forked_at: Some(at),
            } => Truth::UpTo(at.seq),
            Continuity::Lost {
                reason: Some(LostReason::UnknownEpoch),
            } => Truth::Nothing,
            _ => Truth::Unknown,
        }
    }

    /// Whether anybody was told that what stood at this position is lost.
    pub(super) fn is_declared_lost(&self, topic: &Topic, position: &At) -> bool {
        let below = |fork: &Fork<'_>| {
            fork.topic == topic && fork.at.epoch == position.epoch && fork.at.seq < position.seq
        };
        let lost = |(of, since, reason): &(&Topic, &At, LostReason)| {
            *of == topic
                && since.epoch == position.epoch
                && match reason {
                    LostReason::UnknownEpoch => true,
                    // The fork is below what was offered; so it is below everything above it.
                    LostReason::Diverged => since.seq <= position.seq,
                    LostReason::TooOld => false,
                }
        };
        self.forks.iter().any(below)
            || self.lost.iter().any(lost)
            || self.truth(topic, &position.epoch) == Truth::Nothing
    }
}

impl Stream<'_> {
    /// Whether its right was taken in the course of the run.
    pub(super) fn is_barred(&self) -> bool {
        let mut heard = self.heard.iter();
        heard.any(|(_, event)| matches!(event, Event::RightLost { .. }))
    }
}

/// The position that a subscriber holds after what it heard, by the rules for clients.
pub(super) fn held<'a>(heard: &[(Place, &'a Event)]) -> Option<&'a At> {
    heard.iter().rev().find_map(|(_, event)| match event {
        Event::Subscribed { verdict, .. } | Event::Continuity { verdict, .. } => {
            verdict.from.as_ref()
        }
        Event::Message { position, .. } => position.as_ref(),
        Event::Skipped { through, .. } => Some(through),
        _ => None,
    })
}
