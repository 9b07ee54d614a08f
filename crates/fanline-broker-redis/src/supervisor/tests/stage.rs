//! A supervisor at work on real servers, what its ear heard, and a publisher beside it.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use redis::{Cmd, FromRedisValue};
use tokio::time::{Instant, sleep, timeout};

use super::super::*;
use crate::config::RedisConfig;
use crate::slot::slot;
use crate::topology::TopologyWatch;

/// Long enough for two elections on a busy machine; only a test that fails waits so long.
const GENEROUS: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(2);
/// Between two messages of a publisher.
const RHYTHM: Duration = Duration::from_millis(10);

pub(super) struct Stage {
    supervisor: Arc<Supervisor>,
    heard: Arc<Heard>,
    topology: Arc<TopologyWatch>,
    connector: Connector,
    /// Ends everything when the stage is dropped.
    _running: JoinSet<()>,
}

/// An ear that remembers.
#[derive(Default)]
struct Heard {
    messages: Mutex<HashMap<Bytes, Vec<(Instant, u64)>>>,
    interruptions: Mutex<Vec<Vec<Bytes>>>,
}

/// Publishes 0, 1, 2… to one channel; each number again until a server has taken it.
pub(super) struct Publisher {
    stop: Arc<AtomicBool>,
    publishing: JoinSet<u64>,
}

// === impl Stage ===

impl Stage {
    pub(super) fn open(nodes: Vec<String>) -> Self {
        let connector = Connector::new(RedisConfig {
            nodes,
            ..RedisConfig::default()
        });
        let topology = TopologyWatch::new(connector.clone());
        let heard = Arc::new(Heard::default());
        let suspects = Arc::clone(&topology);
        let supervisor = Supervisor::new(
            connector.clone(),
            topology.subscribe(),
            Box::new(move || suspects.suspect()),
            Arc::clone(&heard) as Arc<dyn Ear>,
        );
        let mut running = JoinSet::new();
        running.spawn(Arc::clone(&topology).run(pending()));
        running.spawn(Arc::clone(&supervisor).run(pending()));
        Self {
            supervisor,
            heard,
            topology,
            connector,
            _running: running,
        }
    }

    pub(super) async fn follow(&self, channel: &str) {
        let following = self
            .supervisor
            .follow(Bytes::copy_from_slice(channel.as_bytes()));
        timeout(GENEROUS, following)
            .await
            .expect("a subscription is acknowledged");
    }

    pub(super) fn release(&self, channel: &str) {
        self.supervisor.release(channel.as_bytes());
    }

    pub(super) fn counters(&self) -> Counters {
        self.supervisor.counters()
    }

    /// The numbers that were heard on a channel, in order.
    pub(super) fn heard(&self, channel: &str) -> Vec<u64> {
        let messages = self.heard.messages.lock();
        let heard = messages.get(channel.as_bytes()).into_iter().flatten();
        heard.map(|(_, number)| *number).collect()
    }

    /// The longest time between two messages of a channel.
    pub(super) fn longest_silence(&self, channel: &str) -> Duration {
        let messages = self.heard.messages.lock();
        let heard = messages
            .get(channel.as_bytes())
            .map_or(&[][..], Vec::as_slice);
        let pairs = heard.iter().zip(heard.iter().skip(1));
        let silences = pairs.map(|((before, _), (after, _))| *after - *before);
        silences.max().unwrap_or_default()
    }

    /// How many channels each call of `interrupted` named.
    pub(super) fn interruptions(&self) -> Vec<usize> {
        let interruptions = self.heard.interruptions.lock();
        interruptions.iter().map(Vec::len).collect()
    }

    pub(super) fn was_interrupted(&self, channel: &str) -> bool {
        let interruptions = self.heard.interruptions.lock();
        interruptions
            .iter()
            .flatten()
            .any(|name| name == channel.as_bytes())
    }

    /// How many of these channels are served by the primary that serves this one.
    pub(super) fn at_the_owner_of(&self, channel: &str, channels: &[String]) -> usize {
        let view = self.topology.current();
        let owner = |channel: &str| view.primary_of(slot(channel.as_bytes()));
        let neighbours = channels
            .iter()
            .filter(|other| owner(other) == owner(channel));
        neighbours.count()
    }

    /// One command to the owner of a channel's slot, with `ASKING` to another server if one is named.
    pub(super) async fn ask<T: FromRedisValue>(&self, channel: &str, command: &Cmd) -> T {
        let view = self.topology.current();
        let owner = view.primary_of(slot(channel.as_bytes())).expect("an owner");
        let mut connection = self
            .connector
            .open(&owner.address)
            .await
            .expect("a connection");
        command
            .query_async(&mut *connection)
            .await
            .expect("an answer")
    }

    /// Publishes at a server that receives the channel's slot.
    pub(super) async fn publish_asking(&self, address: &str, channel: &str, number: u64) {
        let address = Address::parse(address).expect("an address");
        let mut connection = self.connector.open(&address).await.expect("a connection");
        let mut commands = redis::pipe();
        commands
            .cmd("ASKING")
            .ignore()
            .cmd("SPUBLISH")
            .arg(channel)
            .arg(number);
        let heard_by: (u32,) = commands
            .query_async(&mut *connection)
            .await
            .expect("an answer");
        assert_eq!(heard_by, (1,));
    }

    pub(super) fn publisher(&self, channel: &'static str) -> Publisher {
        let stop = Arc::new(AtomicBool::new(false));
        let topology = Arc::clone(&self.topology);
        let connector = self.connector.hurried(Duration::from_millis(200));
        let stopped = Arc::clone(&stop);
        let mut publishing = JoinSet::new();
        publishing.spawn(async move {
            let mut number = 0;
            let mut open = HashMap::new();
            while !stopped.load(Ordering::Relaxed) {
                sleep(RHYTHM).await;
                let owner = topology
                    .current()
                    .primary_of(slot(channel.as_bytes()))
                    .cloned();
                let Some(owner) = owner else { continue };
                if !open.contains_key(&owner.address) {
                    let Ok(connection) = connector.open(&owner.address).await else {
                        continue;
                    };
                    open.insert(owner.address.clone(), connection);
                }
                let Some(connection) = open.get_mut(&owner.address) else {
                    continue;
                };
                let mut publish = redis::cmd("SPUBLISH");
                publish.arg(channel).arg(number);
                match publish.query_async::<u32>(&mut **connection).await {
                    Ok(_) => number += 1,
                    Err(_) => drop(open.remove(&owner.address)),
                }
            }
            number
        });
        Publisher { stop, publishing }
    }

    pub(super) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                sleep(PAUSE).await;
            }
        };
        timeout(GENEROUS, waiting).await.expect(what);
    }

    /// Waits until a channel brings so many more messages than until now.
    pub(super) async fn until_heard_more(&self, channel: &str, more: usize) {
        let enough = self.heard(channel).len() + more;
        self.until("delivery goes on", |stage| {
            stage.heard(channel).len() >= enough
        })
        .await;
    }
}

// === impl Heard ===

impl Ear for Heard {
    fn message(&self, shard_channel: &[u8], payload: Bytes) {
        let number = std::str::from_utf8(&payload)
            .ok()
            .and_then(|text| text.parse().ok());
        let number = number.expect("tests publish numbers");
        let mut messages = self.messages.lock();
        let channel = messages.entry(Bytes::copy_from_slice(shard_channel));
        channel.or_default().push((Instant::now(), number));
    }

    fn interrupted(&self, shard_channels: &[Bytes]) {
        self.interruptions.lock().push(shard_channels.to_vec());
    }
}

// === impl Publisher ===

impl Publisher {
    /// Stops, and answers how many numbers were published.
    pub(super) async fn finish(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let published = self.publishing.join_next().await;
        published.expect("it runs").expect("it does not panic")
    }
}
