//! Where everybody stands now: how the run knows that all is quiet. The checker never sees it.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;

use crate::log::{At, Topic};

/// What the actors of a run let the others know.
#[derive(Debug, Default)]
pub struct Board {
    standings: Mutex<BTreeMap<(String, Topic), Standing>>,
    epochs: Mutex<BTreeMap<Topic, BTreeSet<String>>>,
    members: Mutex<BTreeMap<Topic, BTreeSet<String>>>,
}

/// Where a subscriber stands in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// In which numbering, by the last verdict.
    pub epoch: String,
    /// The last number it had.
    pub seq: u64,
    /// Whether it is subscribed and has caught up.
    pub is_live: bool,
}

// === impl Board ===

impl Board {
    /// Notes a subscriber's standing.
    pub(crate) fn stands(&self, subscriber: &str, topic: &Topic, standing: Standing) {
        self.saw_epoch(topic, &standing.epoch);
        let key = (subscriber.to_owned(), topic.clone());
        self.standings.lock().insert(key, standing);
    }

    /// A subscriber's line is gone.
    pub(crate) fn is_away(&self, subscriber: &str) {
        let first = Topic {
            tenant: String::new(),
            channel: String::new(),
        };
        // Of thousands who come back at once each looks at its own alone.
        let mut standings = self.standings.lock();
        let own = standings.range_mut((subscriber.to_owned(), first)..);
        for (_, standing) in own.take_while(|((name, _), _)| name == subscriber) {
            standing.is_live = false;
        }
    }

    /// A subscriber wants this channel, and stands nowhere yet.
    pub(crate) fn wants(&self, subscriber: &str, topic: &Topic) {
        let nowhere = Standing {
            epoch: String::new(),
            seq: 0,
            is_live: false,
        };
        let key = (subscriber.to_owned(), topic.clone());
        self.standings.lock().insert(key, nowhere);
    }

    /// A subscriber's right to this channel was taken, and it was told so.
    pub(crate) fn gives_up(&self, subscriber: &str, topic: &Topic) {
        let key = (subscriber.to_owned(), topic.clone());
        self.standings.lock().remove(&key);
    }

    /// The channels of a tenant that somebody listens to.
    pub(crate) fn topics(&self, tenant: &str) -> BTreeSet<Topic> {
        let standings = self.standings.lock();
        let topics = standings.keys().map(|(_, topic)| topic);
        topics
            .filter(|topic| topic.tenant == tenant)
            .cloned()
            .collect()
    }

    /// How many subscriptions are not live.
    pub(crate) fn away(&self) -> usize {
        let standings = self.standings.lock();
        standings.values().filter(|one| !one.is_live).count()
    }

    /// Notes that somebody saw this epoch.
    pub(crate) fn saw_epoch(&self, topic: &Topic, epoch: &str) {
        let mut epochs = self.epochs.lock();
        let seen = epochs.entry(topic.clone()).or_default();
        if !seen.contains(epoch) {
            seen.insert(epoch.to_owned());
        }
    }

    /// Every epoch that was seen of a channel.
    pub(crate) fn epochs(&self, topic: &Topic) -> Vec<String> {
        let epochs = self.epochs.lock();
        let seen = epochs.get(topic).into_iter().flatten();
        seen.filter(|epoch| !epoch.is_empty()).cloned().collect()
    }

    /// Who does not stand, live, at this head; in words.
    pub(crate) fn behind(&self, topic: &Topic, head: Option<&At>) -> Vec<String> {
        let standings = self.standings.lock();
        let of_topic = standings.iter().filter(|((_, of), _)| of == topic);
        let is_behind = |standing: &Standing| {
            !standing.is_live
                || head
                    .is_some_and(|head| (&standing.epoch, standing.seq) != (&head.epoch, head.seq))
        };
        of_topic
            .filter(|(_, standing)| is_behind(standing))
            .map(|((name, _), standing)| {
                let live = if standing.is_live { "live" } else { "not live" };
                let head = head.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                let Standing { epoch, seq, .. } = standing;
                format!("{name} is {live} in {topic} at {epoch}:{seq}, the head is {head}")
            })
            .collect()
    }

    /// Notes who is present on a channel, by the members' own word.
    pub(crate) fn is_present(&self, topic: &Topic, entry: &str, present: bool) {
        let mut members = self.members.lock();
        let there = members.entry(topic.clone()).or_default();
        if present {
            there.insert(entry.to_owned());
        } else {
            there.remove(entry);
        }
    }

    /// Who is present on a channel.
    pub(crate) fn present(&self, topic: &Topic) -> BTreeSet<String> {
        self.members.lock().get(topic).cloned().unwrap_or_default()
    }
}
