//! How long a node takes to hear all its channels again, on a cluster of six servers of its own.
//!
//! ```sh
//! cargo run --release -p fanline-broker-redis --example resubscribe -- 100000
//! ```
//!
//! Twice: once every subscriber connection is cut (`CLIENT KILL TYPE pubsub`), and once a primary is killed
//! (SIGKILL). The time runs until every subscription is acknowledged by the present owner of its slot. This
//! measures the broker alone: what a node's hub then compares with the log is `fanline-bench resubscribe`.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fanline_broker::{Broker, ChannelId, Feed, PresenceChange};
use fanline_broker_redis::{RedisBroker, RedisConfig};
use fanline_model::{AppId, Channel, Message, Retention, SystemRandom};
use fanline_testkit::redis::{Node, RedisCluster, RedisServer};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, sleep};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Channels that are being followed at once, to begin with.
const ABREAST: usize = 1_000;
/// Between two looks: each one counts all channels.
const LOOK: Duration = Duration::from_millis(50);
/// Any slot: the primary that serves it is the one to be killed.
const SLOT: u16 = 0;
/// What `/proc/PID/stat` counts in (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

#[tokio::main]
async fn main() -> Outcome<()> {
    let channels = std::env::args().nth(1);
    let channels: usize = channels.map_or(Ok(100_000), |count| count.parse())?;
    let node = Arc::new(Measured::start().await?);
    let before = Instant::now();
    node.follow(channels).await?;
    say(&format!(
        "{channels} channels followed in {:.2?}",
        before.elapsed()
    ))?;

    let clock = node.clock(channels);
    node.cut_subscriber_connections().await?;
    clock.tell("subscriber connections cut").await?;

    let clock = node.clock(channels);
    let killed = node.cluster.primary_of(SLOT).await?;
    node.cluster.server(killed).kill();
    node.until_promoted(killed).await;
    say(&format!(
        "a replica was promoted after {:.2?}",
        clock.begun.elapsed()
    ))?;
    clock.tell("a primary killed").await
}

/// A node's broker on a cluster.
struct Measured {
    cluster: RedisCluster,
    broker: Arc<RedisBroker>,
    feed: Arc<Told>,
}

/// Counts the channels that may have missed something.
#[derive(Default)]
struct Told(AtomicU64);

/// Where everything stood when something was about to be broken.
struct Clock<'a> {
    node: &'a Measured,
    channels: usize,
    begun: Instant,
    reconnects: u64,
    told: u64,
    own_cpu: f64,
    redis_cpu: Vec<Option<f64>>,
}

// === impl Measured ===

impl Measured {
    async fn start() -> Outcome<Self> {
        let cluster = RedisCluster::start().await?;
        let config = RedisConfig {
            nodes: cluster.addresses(),
            ..RedisConfig::default()
        };
        let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 1_000));
        let feed = Arc::new(Told::default());
        broker.set_feed(Arc::clone(&feed) as _);
        let running = Arc::clone(&broker);
        tokio::spawn(async move { running.run(std::future::pending()).await });
        broker.first_contact(|_| {}).await;
        Ok(Self {
            cluster,
            broker,
            feed,
        })
    }

    async fn follow(&self, channels: usize) -> Outcome<()> {
        let app = AppId::generate(&SystemRandom);
        let follow = |n| {
            let app = app.clone();
            async move {
                let id = ChannelId::new(app, Channel::parse(&format!("bench.{n}"))?);
                self.broker.follow(&id, &Retention::default()).await?;
                Ok::<_, Box<dyn Error>>(())
            }
        };
        let following = stream::iter(0..channels).map(follow);
        following.buffer_unordered(ABREAST).try_collect().await
    }

    async fn cut_subscriber_connections(&self) -> Outcome<()> {
        for node in self.cluster.nodes() {
            let mut connection = self.cluster.server(node).connect().await?;
            let mut kill = redis::cmd("CLIENT");
            kill.arg("KILL").arg("TYPE").arg("pubsub");
            kill.query_async::<u64>(&mut connection).await?;
        }
        Ok(())
    }

    async fn until_promoted(&self, killed: Node) {
        loop {
            let owner = self.cluster.primary_of(SLOT).await;
            if owner.is_ok_and(|owner| owner != killed) {
                return;
            }
            sleep(LOOK).await;
        }
    }

    fn clock(&self, channels: usize) -> Clock<'_> {
        Clock {
            node: self,
            channels,
            reconnects: self.broker.stats().reconnects,
            told: self.feed.0.load(Ordering::Relaxed),
            own_cpu: cpu_seconds("self"),
            redis_cpu: self.redis_cpu(),
            begun: Instant::now(),
        }
    }

    /// Of each server that lives.
    fn redis_cpu(&self) -> Vec<Option<f64>> {
        let servers = self.cluster.nodes().map(|node| self.cluster.server(node));
        let of = |server: &RedisServer| Some(cpu_seconds(&server.process_id()?.to_string()));
        servers.map(of).collect()
    }
}

// === impl Told ===

impl Feed for Told {
    fn message(&self, _: &ChannelId, _: Arc<Message>) {}

    fn presence(&self, _: &ChannelId, _: PresenceChange) {}

    fn disrupted(&self, _: &ChannelId) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

// === impl Clock ===

impl Clock<'_> {
    /// Waits until everything stands again, and says what that took.
    async fn tell(&self, what: &str) -> Outcome<()> {
        loop {
            let stats = self.node.broker.stats();
            let told = self.node.feed.0.load(Ordering::Relaxed);
            // Before the loss was noticed everything seems to stand; that it does again is told.
            let has_lost = told > self.told || stats.reconnects > self.reconnects;
            if has_lost && stats.subscribed == self.channels {
                break;
            }
            sleep(LOOK).await;
        }
        let took = self.begun.elapsed();
        let own = cpu_seconds("self") - self.own_cpu;
        // That of a killed server is gone with it.
        let servers = self.redis_cpu.iter().zip(self.node.redis_cpu());
        let redis: f64 = servers
            .filter_map(|(then, now)| Some(now? - (*then)?))
            .sum();
        let told = self.node.feed.0.load(Ordering::Relaxed) - self.told;
        say(&format!(
            "{what}: all {} stand again after {took:.2?}; node CPU {own:.2} s, Redis CPU {redis:.2} s; \
             {told} told of an interruption",
            self.channels
        ))
    }
}

/// The processor time of a process so far; 0 if there is none. The count begins behind the command's name,
/// which may hold spaces (proc(5)).
fn cpu_seconds(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let times = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks: f64 = times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
