//! Whoever hears of changes of members, as a server does: from its feed, and from the roster after a jump.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fanline_broker::{Broker as _, ChannelId, Feed, PresenceChange};
use fanline_broker_redis::RedisBroker;
use fanline_model::{Message, Retention};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Rolls, revision};
use crate::log::{Event, Member, PresenceKind, Recorder, Revision, Topic};

/// How often it lets go of what outlived its lease, and looks whether it missed anything.
const TEND: Duration = Duration::from_secs(1);
const FOLLOW_AGAIN: Duration = Duration::from_millis(200);

/// One watcher of all channels.
pub(super) struct Watcher {
    broker: Arc<RedisBroker>,
    rolls: Rolls,
    recorder: Recorder,
    doubts: mpsc::UnboundedReceiver<Topic>,
}

/// Its ear.
struct Ear {
    topics: HashMap<ChannelId, Topic>,
    /// The last revision that was heard.
    heard: Mutex<HashMap<Topic, Revision>>,
    recorder: Recorder,
    doubts: mpsc::UnboundedSender<Topic>,
}

// === impl Watcher ===

impl Watcher {
    pub(super) fn new(broker: Arc<RedisBroker>, rolls: Rolls, recorder: Recorder) -> Self {
        let (sender, doubts) = mpsc::unbounded_channel();
        let topics = rolls
            .channels
            .iter()
            .map(|(topic, id)| (id.clone(), topic.clone()));
        broker.set_feed(Arc::new(Ear {
            topics: topics.collect(),
            heard: Mutex::default(),
            recorder: recorder.clone(),
            doubts: sender,
        }));
        Self {
            broker,
            rolls,
            recorder,
            doubts,
        }
    }

    /// Watches until the end.
    pub(super) async fn run(mut self, end: CancellationToken) {
        let broker = self.broker.clone();
        tokio::join!(broker.run(end.cancelled()), async {
            tokio::select! {
                () = end.cancelled() => {}
                () = self.watch() => {}
            }
        });
    }

    async fn watch(&mut self) {
        for (_, channel) in self.rolls.channels.iter() {
            while self
                .broker
                .follow(channel, &Retention::default())
                .await
                .is_err()
            {
                tokio::time::sleep(FOLLOW_AGAIN).await;
            }
        }
        let mut ticks = tokio::time::interval(TEND);
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    let _ = self.rolls.presence.reap().await;
                    for topic in self.rolls.topics() {
                        self.look(topic).await;
                    }
                }
                doubted = self.doubts.recv() => match doubted {
                    Some(topic) => self.look(&topic).await,
                    None => return,
                },
            }
        }
    }

    /// A roster that cannot be read now is read with the next look.
    async fn look(&self, topic: &Topic) {
        let _ = self.rolls.call(topic, &self.recorder).await;
    }
}

// === impl Ear ===

impl Feed for Ear {
    fn message(&self, _: &ChannelId, _: Arc<Message>) {}

    fn presence(&self, channel: &ChannelId, change: PresenceChange) {
        let Some(topic) = self.topics.get(channel) else {
            return;
        };
        let (kind, entry, edge, made) = match change {
            PresenceChange::Entered {
                entry,
                first,
                revision,
            } => (PresenceKind::Entered, entry, first, revision),
            PresenceChange::Updated { entry, revision } => {
                (PresenceKind::Updated, entry, false, revision)
            }
            PresenceChange::Left {
                entry,
                last,
                revision,
            } => (PresenceKind::Left, entry, last, revision),
        };
        let made = revision(made);
        let before = self.heard.lock().insert(topic.clone(), made.clone());
        let follows = before
            .is_some_and(|before| before.epoch == made.epoch && before.number + 1 == made.number);
        self.recorder.record(Event::PresenceChanged {
            topic: topic.clone(),
            kind,
            member: Member {
                member: entry.member.as_str().to_owned(),
                connection: entry.connection.to_string(),
            },
            edge,
            revision: made,
        });
        if !follows {
            let _ = self.doubts.send(topic.clone());
        }
    }

    fn disrupted(&self, channel: &ChannelId) {
        if let Some(topic) = self.topics.get(channel) {
            let _ = self.doubts.send(topic.clone());
        }
    }
}
