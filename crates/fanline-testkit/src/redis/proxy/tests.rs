//! The proxy does what it says, before a real server.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, AsyncConnectionConfig, Client, PushKind, Value};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::super::RedisServer;
use super::Proxy;

/// Long enough for what happens at once, and short enough to wait for what never does.
const SILENCE: Duration = Duration::from_millis(200);
const GENEROUS: Duration = Duration::from_secs(20);

/// A client through the proxy, and the messages it hears.
async fn client(proxy: &Proxy) -> (MultiplexedConnection, UnboundedReceiver<u32>) {
    let (tell, heard) = unbounded_channel();
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_push_sender(move |push: redis::PushInfo| {
            if let (PushKind::SMessage, Some(Value::BulkString(number))) =
                (push.kind, push.data.last())
            {
                let _ = tell.send(std::str::from_utf8(number).unwrap().parse().unwrap());
            }
            Ok::<(), redis::aio::SendError>(())
        });
    let url = format!("redis://{}/?protocol=resp3", proxy.address());
    let client = Client::open(url).unwrap();
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    (connection.await.unwrap(), heard)
}

async fn subscribe(connection: &mut MultiplexedConnection) {
    let mut subscribe = redis::cmd("SSUBSCRIBE");
    let () = subscribe.arg("c").query_async(connection).await.unwrap();
}

async fn publish(server: &RedisServer, numbers: std::ops::Range<u32>) {
    let mut connection = server.connect().await.unwrap();
    for number in numbers {
        let mut publish = redis::cmd("SPUBLISH");
        publish.arg("c").arg(number);
        let () = publish.query_async(&mut connection).await.unwrap();
    }
}

async fn heard(messages: &mut UnboundedReceiver<u32>, count: usize) -> Vec<u32> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(timeout(GENEROUS, messages.recv()).await.unwrap().unwrap());
    }
    all
}

#[tokio::test]
async fn exactly_the_message_that_was_named_is_dropped() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::before(server.address()).await.unwrap();
    let (mut connection, mut messages) = client(&proxy).await;
    subscribe(&mut connection).await;
    proxy.drop_message(3);
    publish(&server, 1..6).await;
    assert_eq!(heard(&mut messages, 4).await, [1, 2, 4, 5]);
    proxy.drop_message(1);
    publish(&server, 6..8).await;
    assert_eq!(heard(&mut messages, 1).await, [7]);
    assert_eq!(proxy.dropped(), 2);
    assert_eq!(connection.ping::<String>().await.unwrap(), "PONG");
}

#[tokio::test]
async fn what_is_held_is_silent_and_goes_on_when_it_is_let_go() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::before(server.address()).await.unwrap();
    let (mut connection, mut messages) = client(&proxy).await;
    subscribe(&mut connection).await;
    proxy.hold();
    publish(&server, 1..3).await;
    assert!(timeout(SILENCE, connection.ping::<String>()).await.is_err());
    assert!(timeout(SILENCE, client(&proxy)).await.is_err());
    assert!(messages.try_recv().is_err());
    proxy.let_go();
    assert_eq!(heard(&mut messages, 2).await, [1, 2]);
    assert_eq!(connection.ping::<String>().await.unwrap(), "PONG");
}

#[tokio::test]
async fn a_replaced_server_is_silent_and_its_successor_answers() {
    let (old, new) = (
        RedisServer::start().await.unwrap(),
        RedisServer::start().await.unwrap(),
    );
    let () = old.connect().await.unwrap().set("who", 1).await.unwrap();
    let () = new.connect().await.unwrap().set("who", 2).await.unwrap();
    let proxy = Proxy::before(old.address()).await.unwrap();
    let (mut before, _) = client(&proxy).await;
    assert_eq!(before.get::<_, u32>("who").await.unwrap(), 1);
    proxy.replace(new.address());
    assert!(timeout(SILENCE, before.get::<_, u32>("who")).await.is_err());
    let (mut after, _) = client(&proxy).await;
    assert_eq!(after.get::<_, u32>("who").await.unwrap(), 2);
    assert!(timeout(SILENCE, before.ping::<String>()).await.is_err());
}
