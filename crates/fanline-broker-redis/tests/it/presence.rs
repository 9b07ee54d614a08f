//! Presence in Redis: the port's suite, and what only several nodes and a server of its own can show.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fanline_broker::{
    Broker, ChannelId, Entry, Feed, Presence, PresenceChange, PresenceError, PresenceRevision,
    Publish,
};
use fanline_broker_redis::{RedisBroker, RedisConfig};
use fanline_model::{
    AppId, Channel, ConnectionId, Draft, History, MessageId, Payload, Retention, SystemRandom,
    UserId,
};
use fanline_testkit::contract::ear::Ear;
use fanline_testkit::contract::presence::{PresenceHarness, PresenceUnderTest};
use fanline_testkit::redis::{MovableClock, RedisCluster, RedisServer};
use redis::aio::MultiplexedConnection;
use tokio::task::JoinHandle;

fanline_testkit::presence_contract!(Harness);

const LEASE: Duration = Duration::from_secs(15);
const MANY: usize = 100_000;
/// So often a node that has no part in a partition must be called until it has looked at it.
const CALLS_FOR_ALL: usize = 16;

struct Harness;

/// A server and one node.
struct Alone {
    clock: MovableClock,
    node: Node,
    // Last, so that it outlives what speaks to it.
    _server: RedisServer,
}

struct Node {
    broker: Arc<dyn Broker>,
    presence: Arc<dyn Presence>,
    ear: Arc<Ear>,
    running: JoinHandle<()>,
}

#[async_trait]
impl PresenceHarness for Harness {
    async fn start(&self, feed: Arc<dyn Feed>) -> Arc<dyn PresenceUnderTest> {
        let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
        let node = Node::start_with(vec![server.address()], feed, Arc::default());
        Arc::new(Alone {
            clock,
            node,
            _server: server,
        })
    }
}

#[async_trait]
impl PresenceUnderTest for Alone {
    fn presence(&self) -> &Arc<dyn Presence> {
        &self.node.presence
    }

    fn broker(&self) -> &Arc<dyn Broker> {
        &self.node.broker
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by).await.unwrap();
    }
}

#[tokio::test]
async fn members_of_a_node_that_died_leave_once_and_its_neighbours_hear_of_it() {
    let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
    let (dying, living) = (Node::start(&server), Node::start(&server));
    let channel = channel("presence-room");
    living.follow(&channel).await;
    for member in ["ada", "bob"] {
        dying.enter(&channel, &entry(member)).await;
    }
    drop(dying);
    clock.advance(LEASE + Duration::from_secs(1)).await.unwrap();
    let mut left = 0;
    for _ in 0..CALLS_FOR_ALL {
        left += living.presence.reap().await.unwrap();
    }
    assert_eq!(left, 2);
    let heard = living.hear(&channel, 4).await;
    let partings =
        |change: &&PresenceChange| matches!(change, PresenceChange::Left { last, .. } if *last);
    assert_eq!(heard.iter().filter(partings).count(), 2);
    assert_eq!(living.presence.members(&channel).await, Ok(0));
}

#[tokio::test]
async fn two_nodes_that_look_at_once_let_nobody_leave_twice() {
    let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
    let (one, other) = (Node::start(&server), Node::start(&server));
    let channels: Vec<_> = (0..40).map(|n| channel(&format!("presence-{n}"))).collect();
    for channel in &channels {
        one.enter(channel, &entry("ada")).await;
        other.enter(channel, &entry("bob")).await;
    }
    clock.advance(LEASE + Duration::from_secs(1)).await.unwrap();
    let (left, left_too) = tokio::join!(one.presence.reap(), other.presence.reap());
    assert_eq!(left.unwrap() + left_too.unwrap(), 80);
}

#[tokio::test]
async fn a_shortened_lease_ends_after_the_grace() {
    let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
    let node = Node::start(&server);
    let channel = channel("presence-room");
    let ada = entry("ada");
    node.enter(&channel, &ada).await;
    let silent = [(channel.clone(), ada.member.clone(), ada.connection)];
    let grace = Duration::from_secs(3);
    assert_eq!(node.presence.refresh(&silent, grace).await, Ok(vec![true]));
    clock.advance(grace + Duration::from_secs(1)).await.unwrap();
    assert_eq!(node.presence.reap().await, Ok(1));
}

#[tokio::test]
async fn a_channel_that_was_empty_for_long_leaves_the_index_and_comes_back() {
    let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
    let node = Node::start(&server);
    let mut connection = server.connect().await.unwrap();
    let channel = channel("presence-room");
    let ada = entry("ada");
    node.enter(&channel, &ada).await;
    assert_eq!(keys(&mut connection, "*:leases").await.len(), 1);
    node.leave(&channel, &ada).await.unwrap();
    for _ in 0..9 {
        clock.advance(LEASE).await.unwrap();
        assert_eq!(node.presence.reap().await, Ok(0));
    }
    assert_eq!(keys(&mut connection, "*:leases").await, [""; 0]);
    let other = Node::start(&server);
    other.enter(&channel, &ada).await;
    clock.advance(LEASE + Duration::from_secs(1)).await.unwrap();
    assert_eq!(other.presence.reap().await, Ok(1));
}

#[tokio::test]
async fn what_is_indexed_again_while_somebody_looks_stays_in_the_index() {
    let server = RedisServer::start().await.unwrap();
    // A node has loaded the library.
    Node::start(&server)
        .enter(&channel("presence-room"), &entry("ada"))
        .await;
    let mut connection = server.connect().await.unwrap();
    let mut call = async |args: &[&str]| -> redis::Value {
        let mut command = redis::cmd("FCALL");
        command
            .arg(args)
            .query_async(&mut connection)
            .await
            .unwrap()
    };
    call(&["fl1_index", "1", "index", "0", "channel"]).await;
    let due = call(&["fl1_due", "1", "index", "10"]).await;
    let (claim, channels): (String, Vec<String>) = redis::from_redis_value(due).unwrap();
    assert_eq!(channels, ["channel"]);
    assert_eq!(
        call(&["fl1_due", "1", "index", "10"]).await,
        redis::Value::Nil
    );
    call(&["fl1_index", "1", "index", "15000", "channel"]).await;
    let settle = ["fl1_settle", "1", "index", &claim, "channel", ""];
    assert_eq!(call(&settle).await, redis::Value::Int(0));
}

#[tokio::test]
async fn a_node_that_sees_another_epoch_indexes_again_what_it_remembers_to_have_indexed() {
    let server = RedisServer::start().await.unwrap();
    let node = Node::start(&server);
    let channel = channel("presence-room");
    let before = node.enter(&channel, &entry("ada")).await.revision();
    let mut connection = server.connect().await.unwrap();
    let index = keys(&mut connection, "*:leases").await;
    let mut command = redis::cmd("DEL");
    let () = command
        .arg(&index)
        .query_async(&mut connection)
        .await
        .unwrap();
    node.enter(&channel, &entry("bob")).await;
    assert_eq!(
        keys(&mut connection, "*:leases").await,
        [""; 0],
        "it remembers"
    );
    change_owner(&server).await;
    node.until_another_epoch(&channel, before).await;
    node.enter(&channel, &entry("eve")).await;
    assert_eq!(keys(&mut connection, "*:leases").await, index);
}

#[tokio::test]
async fn another_owner_of_the_data_is_another_epoch_with_the_same_members() {
    let server = RedisServer::start().await.unwrap();
    let node = Node::start(&server);
    let channel = channel("presence-room");
    let before = node.enter(&channel, &entry("ada")).await.revision();
    change_owner(&server).await;
    let after = node.until_another_epoch(&channel, before).await;
    assert_eq!(after.number, before.number);
    assert_eq!(node.presence.members(&channel).await, Ok(1));
    let entered = node.enter(&channel, &entry("bob")).await.revision();
    assert_eq!(
        (entered.epoch, entered.number),
        (after.epoch, after.number + 1)
    );
}

#[tokio::test]
async fn members_survive_a_planned_failover_of_their_shard_under_another_epoch() {
    let cluster = RedisCluster::start().await.unwrap();
    let node = Node::start_with(
        cluster.addresses(),
        Arc::new(Ear::default()),
        Arc::default(),
    );
    let channels: Vec<_> = (0..30).map(|n| channel(&format!("presence-{n}"))).collect();
    let mut before = Vec::new();
    for channel in &channels {
        before.push(node.enter(channel, &entry("ada")).await.revision());
    }
    let primary = cluster.primary_of(0).await.unwrap();
    let replica = cluster.replica_of(primary).await.unwrap();
    cluster.failover_to(replica).await.unwrap();
    let mut forked = 0;
    for (channel, before) in channels.iter().zip(before) {
        let after = node.presence.roster(channel, None, 10).await.unwrap();
        assert_eq!((after.entries.len(), after.members), (1, 1));
        forked += usize::from(after.revision.epoch != before.epoch);
    }
    assert!((1..30).contains(&forked), "{forked} of one shard of three");
}

#[tokio::test]
async fn what_is_repeated_because_its_answer_was_lost_is_answered_as_the_first_time() {
    let server = RedisServer::start().await.unwrap();
    let node = Node::start(&server);
    let mut connection = server.connect().await.unwrap();
    let channel = channel("presence-room");
    node.enter(&channel, &entry("bob")).await;
    let key = keys(&mut connection, "fl1:*:c:*").await.remove(0);
    let mut enter = async |retry: &str, data: &[u8]| -> Vec<u8> {
        let content = [b"-+\0\0\0\x01", data].concat();
        redis::cmd("FCALL")
            .arg(&["fl1_enter", "1", &key, retry, "epoch--8", "30000", "10"])
            .arg(b"ada\0aaaaaaaabbbbbbbb")
            .arg(content)
            .query_async(&mut connection)
            .await
            .unwrap()
    };
    let first = enter("0", b"1").await;
    assert_eq!(enter("1", b"1").await, first);
    // What differs was not done yet.
    let other = enter("1", b"2").await;
    assert_ne!(other, first);
    assert_eq!(enter("1", b"2").await, other);
    let roster = node.presence.roster(&channel, None, 10).await.unwrap();
    assert_eq!((roster.members, roster.revision.number), (2, 3));
}

#[tokio::test]
async fn a_large_roster_is_paged_in_the_order_of_members_and_connections() {
    let server = RedisServer::start().await.unwrap();
    let node = Node::start(&server);
    let channel = channel("presence-room");
    let mut expected = Vec::new();
    for n in 0..300 {
        let names = ["Zoe", "ada", "é", "bob-1", "Bob 1", "~"];
        let entry = entry(&format!("{}{}", names[n % names.len()], n / 20));
        node.enter(&channel, &entry).await;
        expected.push((entry.member, entry.connection));
    }
    expected.sort();
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = node.presence.roster(&channel, after, 7).await.unwrap();
        assert!(page.entries.len() <= 7);
        paged.extend(
            page.entries
                .iter()
                .map(|entry| (entry.member.clone(), entry.connection)),
        );
        after = paged.last().cloned();
        if !page.more {
            break;
        }
    }
    assert_eq!(paged, expected);
}

#[tokio::test]
async fn many_leave_in_any_order_and_the_rest_stays_whole() {
    let server = RedisServer::start().await.unwrap();
    let node = Node::start(&server);
    let channel = channel("presence-room");
    let mut entries: Vec<_> = (0..60)
        .map(|n| entry(&format!("user-{}", n % 25)))
        .collect();
    for entry in &entries {
        node.enter(&channel, entry).await;
    }
    let mut step = 0;
    while !entries.is_empty() {
        step += 1;
        let entry = entries.swap_remove((step * 7) % entries.len());
        let last = !entries.iter().any(|other| other.member == entry.member);
        let change = node.leave(&channel, &entry).await.unwrap();
        assert!(
            matches!(&change, PresenceChange::Left { last: told, entry: left, .. } if *told == last && **left == entry)
        );
        let rest = node.presence.roster(&channel, None, MANY).await.unwrap();
        let mut expected = entries.clone();
        expected.sort_by_key(|entry| (entry.member.clone(), entry.connection));
        let found: Vec<_> = rest
            .entries
            .iter()
            .map(|entry| Entry::clone(entry))
            .collect();
        assert_eq!(found, expected);
    }
    let mut connection = server.connect().await.unwrap();
    let key = keys(&mut connection, "fl1:*:c:*").await.remove(0);
    let fields: Vec<String> = redis::cmd("HKEYS")
        .arg(key)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(fields, ["p"], "only the numbering remains");
}

#[tokio::test]
async fn neither_log_nor_presence_shortens_the_life_that_the_other_needs() {
    let server = RedisServer::start().await.unwrap();
    let node = Node::start(&server);
    let mut connection = server.connect().await.unwrap();
    let life = async |connection: &mut MultiplexedConnection, key: &str| -> i64 {
        let mut command = redis::cmd("PTTL");
        command.arg(key).query_async(connection).await.unwrap()
    };
    let brief = channel("presence-brief");
    node.enter(&brief, &entry("ada")).await;
    let key = keys(&mut connection, "*presence-brief").await.remove(0);
    let presence_alone = life(&mut connection, &key).await;
    assert!(presence_alone > 600_000);
    node.publish(&brief, Duration::from_secs(20)).await;
    assert!(life(&mut connection, &key).await > presence_alone - 10_000);

    let long = channel("presence-long");
    node.publish(&long, Duration::from_hours(24)).await;
    let key = keys(&mut connection, "*presence-long").await.remove(0);
    let log_alone = life(&mut connection, &key).await;
    node.enter(&long, &entry("ada")).await;
    assert!(life(&mut connection, &key).await > log_alone - 10_000);
}

#[tokio::test]
async fn a_full_redis_lets_nobody_in_and_everybody_out() {
    let server = RedisServer::start().await.unwrap();
    let node = Node::start(&server);
    let channel = channel("presence-room");
    let ada = entry("ada");
    node.enter(&channel, &ada).await;
    let mut connection = server.connect().await.unwrap();
    let mut command = redis::cmd("CONFIG");
    command.arg(&["SET", "maxmemory", "1"]);
    let () = command.query_async(&mut connection).await.unwrap();
    let refused = node
        .presence
        .enter(&channel, entry("bob"), LEASE, MANY)
        .await;
    assert!(
        matches!(refused, Err(PresenceError::Broker(_))),
        "{refused:?}"
    );
    let present = [(channel.clone(), ada.member.clone(), ada.connection)];
    assert_eq!(node.presence.refresh(&present, LEASE).await, Ok(vec![true]));
    assert_eq!(node.presence.members(&channel).await, Ok(1));
    assert!(node.leave(&channel, &ada).await.is_some());
}

// === impl Node ===

impl Node {
    fn start(server: &RedisServer) -> Self {
        let ear = Arc::new(Ear::default());
        Self::start_with(vec![server.address()], Arc::clone(&ear) as _, ear)
    }

    fn start_with(nodes: Vec<String>, feed: Arc<dyn Feed>, ear: Arc<Ear>) -> Self {
        let config = RedisConfig {
            nodes,
            ..RedisConfig::default()
        };
        let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 100));
        broker.set_feed(feed);
        let running = {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move { broker.run(std::future::pending()).await })
        };
        Self {
            presence: Arc::new(broker.presence()),
            broker,
            ear,
            running,
        }
    }

    async fn follow(&self, channel: &ChannelId) {
        let followed = self.broker.follow(channel, &Retention::default()).await;
        followed.unwrap();
    }

    async fn enter(&self, channel: &ChannelId, entry: &Entry) -> PresenceChange {
        let entered = self.presence.enter(channel, entry.clone(), LEASE, MANY);
        entered.await.unwrap()
    }

    async fn leave(&self, channel: &ChannelId, entry: &Entry) -> Option<PresenceChange> {
        let left = self
            .presence
            .leave(channel, &entry.member, entry.connection);
        left.await.unwrap()
    }

    async fn hear(&self, channel: &ChannelId, count: usize) -> Vec<PresenceChange> {
        self.ear.until(channel, |heard| heard.len() >= count).await;
        self.ear.changes(channel)
    }

    /// A server's word on who owns its data may be a moment old.
    async fn until_another_epoch(
        &self,
        channel: &ChannelId,
        than: PresenceRevision,
    ) -> PresenceRevision {
        let look = async {
            loop {
                let roster = self.presence.roster(channel, None, 10).await.unwrap();
                if roster.revision.epoch != than.epoch {
                    return roster.revision;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let patience = Duration::from_secs(30);
        tokio::time::timeout(patience, look)
            .await
            .expect("the epoch stays")
    }

    async fn publish(&self, channel: &ChannelId, life: Duration) {
        let retention = Retention {
            history: Some(History {
                window: life,
                messages: 10,
                bytes: 10_000,
            }),
            position_ttl: life,
            ..Retention::default()
        };
        let publish = Publish {
            channel: channel.clone(),
            drafts: vec![Draft::new(
                MessageId::generate(&SystemRandom),
                Payload::text("hello"),
            )],
            retention,
            condition: None,
            retry: false,
            items_hash: None,
        };
        self.broker.publish(publish).await.unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn channel(name: &str) -> ChannelId {
    ChannelId::new(
        AppId::generate(&SystemRandom),
        Channel::parse(name).unwrap(),
    )
}

fn entry(member: &str) -> Entry {
    Entry {
        member: UserId::parse(member).unwrap(),
        connection: ConnectionId::generate(&SystemRandom),
        info: Some(Bytes::from_static(b"{\"name\":\"vouched\"}")),
        data: None,
    }
}

/// What becomes a replica and a primary again has lived another life, as far as anybody can prove.
async fn change_owner(server: &RedisServer) {
    let mut connection = server.connect().await.unwrap();
    for to in [["127.0.0.1", "1"], ["no", "one"]] {
        let mut command = redis::cmd("REPLICAOF");
        let () = command.arg(&to).query_async(&mut connection).await.unwrap();
    }
}

async fn keys(connection: &mut MultiplexedConnection, pattern: &str) -> Vec<String> {
    let mut command = redis::cmd("KEYS");
    command.arg(pattern).query_async(connection).await.unwrap()
}

/// The clock of Redis was an hour ahead and was set right: whoever entered meanwhile is no ghost for an hour.
#[tokio::test]
async fn a_lease_from_before_the_clock_went_back_ends_in_its_time() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let (server, clock) = RedisServer::with_movable_clock().await.unwrap();
    let node = Node::start(&server);
    let channel = channel("presence-room");
    let (gone, here) = (entry("ada"), entry("bob"));
    clock.advance(HOUR).await.unwrap();
    node.enter(&channel, &gone).await;
    node.enter(&channel, &here).await;
    clock.turn_back(HOUR).await.unwrap();
    let renewed = [(channel.clone(), here.member.clone(), here.connection)];
    let mut members = vec![node.presence.members(&channel).await.unwrap()];
    for _ in 0..3 {
        assert_eq!(node.presence.refresh(&renewed, LEASE).await, Ok(vec![true]));
        clock.advance(LEASE / 2).await.unwrap();
        members.push(node.presence.members(&channel).await.unwrap());
    }
    assert_eq!(members, [2, 2, 1, 1]);
}
