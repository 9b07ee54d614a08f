//! What anybody who can write to Redis may try.

use std::sync::Arc;
use std::time::Duration;

use fanline_broker::{BrokerError, Signals};
use fanline_broker_redis::{RefusedSignals, SignalKey};
use fanline_testkit::contract::ear::Ear;
use fanline_testkit::redis::RedisServer;
use redis::PushInfo;
use tokio::sync::mpsc;

use super::stage::{Differing, Node, SHARD_CHANNEL, clock, signal};

/// A node of another kind tries to be heard; the listening one counts a refusal and hands nothing on.
async fn is_refused(differing: Differing, expected: RefusedSignals) {
    let server = RedisServer::start().await.unwrap();
    let listening = Node::start(vec![server.address()]).await;
    let feed = Arc::new(Ear::default());
    let other = Node::open(vec![server.address()], differing, feed);
    other.signals.send(signal()).await.unwrap();
    listening.until(|stats| stats.refused == expected).await;

    let friend = Node::start(vec![server.address()]).await;
    let genuine = signal();
    friend.signals.send(genuine.clone()).await.unwrap();
    listening.heard.hears(&genuine).await;
    assert_eq!(listening.heard.all(), [genuine]);
    assert_eq!(listening.signals.stats().heard, 1);
}

#[tokio::test]
async fn a_signal_that_is_not_signed_with_the_key_is_refused() {
    let differing = Differing {
        key: SignalKey::new(1, [2; 32]),
        ..Differing::default()
    };
    let expected = RefusedSignals {
        forged: 1,
        ..RefusedSignals::default()
    };
    is_refused(differing, expected).await;
}

#[tokio::test]
async fn a_signal_of_another_installation_in_the_same_redis_is_refused() {
    let differing = Differing {
        installation: 2,
        ..Differing::default()
    };
    let expected = RefusedSignals {
        foreign: 1,
        ..RefusedSignals::default()
    };
    is_refused(differing, expected).await;
}

#[tokio::test]
async fn a_signal_of_more_than_a_minute_ahead_is_refused() {
    let clock = clock();
    clock.advance(Duration::from_secs(61));
    let differing = Differing {
        clock,
        ..Differing::default()
    };
    let expected = RefusedSignals {
        stale: 1,
        ..RefusedSignals::default()
    };
    is_refused(differing, expected).await;
}

/// Hears the raw bytes of the shard channel, and may say any.
struct Eavesdropper {
    connection: redis::aio::MultiplexedConnection,
    pushes: mpsc::UnboundedReceiver<PushInfo>,
}

impl Eavesdropper {
    async fn at(server: &RedisServer) -> Self {
        let (sender, pushes) = mpsc::unbounded_channel();
        let address = format!("redis://{}/?protocol=resp3", server.address());
        let config = redis::AsyncConnectionConfig::new().set_push_sender(sender);
        let client = redis::Client::open(address).unwrap();
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = connection.await.unwrap();
        let mut subscribe = redis::cmd("SSUBSCRIBE");
        let () = subscribe
            .arg(SHARD_CHANNEL)
            .query_async(&mut connection)
            .await
            .unwrap();
        Self { connection, pushes }
    }

    async fn next(&mut self) -> Vec<u8> {
        loop {
            let push = self.pushes.recv().await.unwrap();
            if push.kind == redis::PushKind::SMessage
                && let Some(redis::Value::BulkString(bytes)) = push.data.into_iter().nth(1)
            {
                return bytes;
            }
        }
    }

    async fn say(&mut self, bytes: &[u8]) {
        let mut publish = redis::cmd("SPUBLISH");
        publish.arg(SHARD_CHANNEL).arg(bytes);
        let () = publish.query_async(&mut self.connection).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_overheard_cannot_be_said_again() {
    let server = RedisServer::start().await.unwrap();
    let mut eavesdropper = Eavesdropper::at(&server).await;
    let clock = clock();
    let differing = Differing {
        clock: Arc::clone(&clock),
        ..Differing::default()
    };
    let listening = Node::open(vec![server.address()], differing, Arc::new(Ear::default()));
    listening.hears_others().await;
    let sending = Node::start(vec![server.address()]).await;
    let genuine = signal();
    sending.signals.send(genuine.clone()).await.unwrap();
    listening.heard.hears(&genuine).await;

    let overheard = eavesdropper.next().await;
    eavesdropper.say(&overheard).await;
    listening.until(|stats| stats.refused.replayed == 1).await;
    let mut changed = overheard.clone();
    changed[20] ^= 1;
    eavesdropper.say(&changed).await;
    listening.until(|stats| stats.refused.forged == 1).await;
    eavesdropper.say(b"anything").await;
    listening.until(|stats| stats.refused.unreadable == 1).await;
    clock.advance(Duration::from_secs(61));
    eavesdropper.say(&overheard).await;
    listening.until(|stats| stats.refused.stale == 1).await;
    assert_eq!(listening.heard.all(), [genuine]);
}

#[tokio::test]
async fn a_signal_takes_effect_here_though_redis_cannot_be_reached() {
    let server = RedisServer::start().await.unwrap();
    let node = Node::start(vec![server.address()]).await;
    server.kill();
    let here = signal();
    let sending = {
        let (signals, here) = (Arc::clone(&node.signals), here.clone());
        tokio::spawn(async move { signals.send(here).await })
    };
    node.heard.hears(&here).await;
    assert!(!sending.is_finished(), "it is still tried");
    assert_eq!(sending.await.unwrap(), Err(BrokerError::Unavailable));
    assert_eq!(node.signals.stats().sent, 0);
}
