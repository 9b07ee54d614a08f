//! A node whose Redis goes away and comes back, and one whose Redis was never there.

use std::time::Duration;

use bytes::Bytes;
use fanline_e2e::{Answer, Installation, Native, Server, patience};
use fanline_testkit::redis::RedisServer;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

const PAUSE: Duration = Duration::from_millis(50);

async fn ops(server: &Server, path: &str) -> Answer {
    let request = Request::get(format!("{}{path}", server.info.ops_url));
    server
        .request(request.body(Full::new(Bytes::new())).unwrap())
        .await
}

async fn until_ready(server: &Server) {
    let ready = async {
        while ops(server, "/readyz").await.status != 200 {
            sleep(PAUSE).await;
        }
    };
    timeout(patience(Duration::from_secs(20)), ready)
        .await
        .unwrap();
}

async fn gauge(server: &Server, name: &str) -> String {
    let metrics = ops(server, "/metrics").await.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name}: {metrics}"))
        .trim()
        .to_owned()
}

async fn publish(server: &Server, data: Value) -> Answer {
    let (key, body) = (server.info.api_key.as_str(), json!({ "data": data }));
    let path = "/v1/channels/orders.1/messages";
    server.api("POST", path, Some(key), Some(&body)).await
}

fn orders() -> Value {
    json!([{"channel": "orders.1"}])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_hear_that_redis_is_away_and_that_it_is_back_and_nobody_is_sent_away() {
    let redis = RedisServer::start().await.unwrap();
    let server = Installation::new();
    let server = server.start_on_redis(&[redis.address()]);
    until_ready(&server).await;
    let mut client = Native::connect(&server, None, orders()).await;
    client.next_of("caught_up").await;
    assert_eq!(gauge(&server, "fanline_degraded ").await, "0");
    assert_eq!(
        gauge(&server, "fanline_redis_channels_subscribed ").await,
        "1"
    );

    redis.kill();
    assert_eq!(client.next_of("degraded").await["degraded"], true);
    assert_eq!(gauge(&server, "fanline_degraded ").await, "1");
    let refused = publish(&server, json!("missed")).await;
    assert_eq!(refused.status, 503, "{refused:?}");
    let media_type = refused.headers["content-type"].to_str().unwrap();
    assert!(
        media_type.starts_with("application/problem+json"),
        "{media_type}"
    );
    // Who comes now is told after the greeting.
    let mut late = Native::connect(&server, None, json!([])).await;
    assert_eq!(late.next().await["degraded"], true);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ops(&server, path).await.status, 200, "{path}");
    }

    redis.restart().await.unwrap();
    for client in [&mut client, &mut late] {
        assert_eq!(client.next_of("degraded").await["degraded"], false);
    }
    assert_eq!(gauge(&server, "fanline_degraded ").await, "0");
    let published = publish(&server, json!("after")).await;
    assert!(published.status.is_success(), "{published:?}");
    assert_eq!(client.next_of("message").await["data"], "after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_ready_only_once_it_has_reached_redis_and_says_why_not() {
    let redis = RedisServer::start().await.unwrap();
    redis.kill();
    let server = Installation::new();
    let server = server.start_on_redis(&[redis.address()]);
    let why = async {
        loop {
            let answer = ops(&server, "/readyz").await;
            assert_eq!(answer.status, 503, "{answer:?}");
            if answer.text.contains(&redis.address()) {
                break;
            }
            sleep(PAUSE).await;
        }
    };
    timeout(patience(Duration::from_secs(20)), why)
        .await
        .unwrap();
    assert_eq!(ops(&server, "/healthz").await.status, 200);
    redis.restart().await.unwrap();
    until_ready(&server).await;
}
