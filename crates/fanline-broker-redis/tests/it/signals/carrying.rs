//! Signals reach the other nodes, whatever happens to Redis and whatever else is carried.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use fanline_broker::{Broker, ChannelId, Feed, PresenceChange, Publish, Signal, Signals};
use fanline_model::{AppId, Channel, Draft, Message, MessageId, Payload, Retention, SystemRandom};
use fanline_testkit::contract::ear::Ear;
use fanline_testkit::redis::{RedisCluster, RedisServer};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::stage::{Differing, Node, PATIENCE, signal};

#[tokio::test]
async fn a_signal_reaches_the_other_node_once_and_its_own_once() {
    let server = RedisServer::start().await.unwrap();
    let one = Node::start(vec![server.address()]).await;
    let two = Node::start(vec![server.address()]).await;
    let (first, second) = (signal(), signal());
    one.signals.send(first.clone()).await.unwrap();
    two.heard.hears(&first).await;
    two.signals.send(second.clone()).await.unwrap();
    one.heard.hears(&second).await;
    let both = [first, second];
    assert_eq!(one.heard.all(), both);
    assert_eq!(two.heard.all(), both);
    let stats = one.signals.stats();
    assert_eq!((stats.sent, stats.heard), (1, 1));
}

/// Sends until one is heard: what fell into the interruption is for the sweep. From then on each one is heard.
async fn hears_again(from: &Node, to: &Node) {
    let until_heard = async {
        loop {
            let sent = signal();
            let _ = from.signals.send(sent.clone()).await;
            let heard = tokio::time::timeout(Duration::from_millis(100), to.heard.hears(&sent));
            if heard.await.is_ok() {
                return;
            }
        }
    };
    let again = tokio::time::timeout(PATIENCE, until_heard).await;
    assert!(
        again.is_ok(),
        "no signal is heard any more: {:?}",
        to.signals.stats()
    );
    for _ in 0..3 {
        let sent = signal();
        from.signals.send(sent.clone()).await.unwrap();
        to.heard.hears(&sent).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_are_heard_after_a_failover_and_after_the_death_of_their_primary() {
    let cluster = RedisCluster::start().await.unwrap();
    let one = Node::start(cluster.addresses()).await;
    let two = Node::start(cluster.addresses()).await;
    // Signals lie in the first of the slots.
    let primary = cluster.primary_of(0).await.unwrap();
    let replica = cluster.replica_of(primary).await.unwrap();
    cluster.failover_to(replica).await.unwrap();
    hears_again(&one, &two).await;
    hears_again(&two, &one).await;

    cluster.wait_until_settled().await.unwrap();
    let primary = cluster.primary_of(0).await.unwrap();
    cluster.server(primary).kill();
    hears_again(&one, &two).await;
    hears_again(&two, &one).await;
}

/// A feed that is stuck at its first message until the test lets go.
struct Stuck {
    reached: AtomicUsize,
    release: Mutex<mpsc::Receiver<()>>,
}

impl Feed for Stuck {
    fn message(&self, _: &ChannelId, _: Arc<Message>) {
        self.reached.fetch_add(1, Ordering::SeqCst);
        // The connection's task stands still, others must not with it. Ends when the test drops the other side.
        tokio::task::block_in_place(|| {
            let _ = self.release.lock().recv();
        });
    }

    fn presence(&self, _: &ChannelId, _: PresenceChange) {}

    fn disrupted(&self, _: &ChannelId) {}
}

fn publish(channel: &ChannelId, bytes: usize) -> Publish {
    let id = MessageId::generate(&SystemRandom);
    Publish {
        channel: channel.clone(),
        drafts: vec![Draft::new(id, Payload::text("x".repeat(bytes)))],
        retention: Retention::default(),
        condition: None,
        retry: false,
        items_hash: None,
    }
}

fn busy_channel() -> ChannelId {
    let app = AppId::generate(&SystemRandom);
    ChannelId::new(app, Channel::parse("orders.1").unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_signal_is_heard_though_no_message_comes_through() {
    let server = RedisServer::start().await.unwrap();
    let (release, released) = mpsc::channel();
    let stuck = Arc::new(Stuck {
        reached: AtomicUsize::new(0),
        release: Mutex::new(released),
    });
    let feed = Arc::clone(&stuck) as _;
    let listening = Node::open(vec![server.address()], Differing::default(), feed);
    listening.hears_others().await;
    let sending = Node::start(vec![server.address()]).await;
    let channel = busy_channel();
    let retention = Retention::default();
    let followed = listening.broker.follow(&channel, &retention).await;
    followed.unwrap();
    for _ in 0..3 {
        let message = publish(&channel, 1);
        sending.broker.publish(message).await.unwrap();
    }
    while stuck.reached.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    let sent = signal();
    sending.signals.send(sent.clone()).await.unwrap();
    listening.heard.hears(&sent).await;
    assert_eq!(
        stuck.reached.load(Ordering::SeqCst),
        1,
        "the data still waits"
    );
    drop(release);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_overtakes_what_its_own_node_publishes() {
    const PUBLISHES: usize = 400;
    let server = RedisServer::start().await.unwrap();
    let listening = Node::start(vec![server.address()]).await;
    let sending = Node::start(vec![server.address()]).await;
    // The first call of each connection opens it.
    let channel = busy_channel();
    let warm = publish(&channel, 1);
    sending.broker.publish(warm).await.unwrap();
    sending.signals.send(signal()).await.unwrap();

    let mut publishing = JoinSet::new();
    for _ in 0..PUBLISHES {
        let broker = Arc::clone(&sending.broker);
        let message = publish(&channel, 128 * 1024);
        publishing.spawn(async move { broker.publish(message).await.map(|_| ()) });
    }
    // The queue is there once its first answer is.
    publishing.join_next().await.unwrap().unwrap().unwrap();
    let sent: Signal = signal();
    sending.signals.send(sent.clone()).await.unwrap();
    listening.heard.hears(&sent).await;
    let mut answered = 0;
    while publishing.try_join_next().is_some() {
        answered += 1;
    }
    assert!(
        answered < PUBLISHES / 2,
        "{answered} of {PUBLISHES} publishes were answered before the signal"
    );
}

#[tokio::test]
async fn a_node_that_hears_nothing_says_so() {
    let server = RedisServer::start().await.unwrap();
    let addresses = vec![server.address()];
    let node = Node::open(addresses, Differing::default(), Arc::new(Ear::default()));
    node.hears_others().await;
    server.kill();
    node.until(|stats| !stats.hears).await;
    server.restart().await.unwrap();
    node.hears_others().await;
}
