//! A client that never gives up: it holds a position for each channel, and comes back with it to any server.

mod held;
mod line;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Board;
use super::pass::Pass;
use super::reins::{Orders, Steering};
use crate::dice::Dice;
use crate::log::{Event, Recorder, Topic};
use crate::stage::{Node, Tenant};
use held::{Held, Subscription};
use line::Life;

/// Before it connects again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(300));

/// One subscriber.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) name: String,
    pub(super) recorder: Recorder,
    pub(super) dice: Dice,
    /// Whether it cuts its line now and then.
    pub(super) is_restless: bool,
    /// The connection key that it shows and keeps, where it has one; twins have one together.
    pub(super) key: Option<Arc<Mutex<Option<String>>>>,
    pub(super) place: Arc<Place>,
}

/// What the subscribers of a tenant have in common.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) tenant: Arc<Tenant>,
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) board: Arc<Board>,
    pub(super) steering: Steering,
    pub(super) pass: Pass,
    /// From here on nobody cuts a line of its own accord.
    pub(super) rest: CancellationToken,
    /// Ends everybody.
    pub(super) end: CancellationToken,
}

// === impl Place ===

impl Place {
    /// Where to connect: where everybody is led, or to any server; not to the one that could not be reached.
    fn choose(&self, dice: &Dice, shunned: Option<Arc<Node>>) -> Option<Arc<Node>> {
        let may_try = |node: &Arc<Node>| {
            shunned
                .as_ref()
                .is_none_or(|shunned| shunned.name() != node.name())
        };
        let led = self.steering.node();
        let led = led.filter(|node| node.tenant().name == self.tenant.name && may_try(node));
        led.or_else(|| {
            let others: Vec<_> = self.nodes.iter().filter(|node| may_try(node)).collect();
            // The only one there is may be back.
            dice.pick(&others).copied().or(self.nodes.first()).cloned()
        })
    }
}

// === impl Subscriber ===

impl Subscriber {
    /// Its channels: one by its number, so that each has somebody, and others by chance.
    pub(super) fn choose_topics(&self, number: usize, count: usize) -> Vec<Topic> {
        let all = &self.place.tenant.ordinary;
        let own = all.get(number % all.len().max(1)).cloned();
        let mut topics: Vec<Topic> = own.into_iter().collect();
        for topic in self.dice.pick_some(all, count) {
            if topics.len() < count && !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        topics
    }

    /// Listens until the run ends.
    pub(super) async fn run(self, topics: Vec<Topic>, mut orders: Orders) {
        for topic in &topics {
            self.place.board.wants(&self.name, topic);
        }
        let channels = topics
            .into_iter()
            .map(|topic| (topic.channel, Held::default()));
        let mut life = Life::of(&self, channels.collect());
        let end = &self.place.end;
        while !end.is_cancelled() {
            life.connection(&mut orders).await;
            let pause = self.dice.between(PAUSE.0, PAUSE.1);
            tokio::select! {
                () = end.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.record(Event::Stopped);
    }

    /// Ends when a restless subscriber cuts its line; never once all is to come to rest, for what is cut then would
    /// still be away in the end.
    async fn restless(&self, at: Instant) {
        if self.is_restless {
            tokio::select! {
                biased;
                () = self.place.rest.cancelled() => {}
                () = tokio::time::sleep_until(at) => return,
            }
        }
        std::future::pending().await
    }

    fn topic(&self, channel: &str) -> Topic {
        Topic {
            tenant: self.place.tenant.name.clone(),
            channel: channel.to_owned(),
        }
    }

    /// Writes down what is asked for.
    fn asks<'a>(&self, channels: impl Iterator<Item = (&'a String, &'a mut Held)>) {
        for (channel, held) in channels {
            held.subscription = Subscription::Asked;
            self.record(Event::Subscribing {
                topic: self.topic(channel),
                since: held.position.clone(),
            });
        }
    }

    fn record(&self, event: Event) {
        self.recorder.record(event);
    }
}

/// What it holds, by channel.
type Holdings = BTreeMap<String, Held>;
