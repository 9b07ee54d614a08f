//! A node restarts honestly: what a clean stop keeps it keeps, and what a crash costs it says. What that is
//! depends on where the messages are: the embedded broker dies with its node, Redis does not.

use std::collections::HashSet;
use std::time::Duration;

use fanline_e2e::{Broker, Native, Server, patience};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

#[tokio::test]
async fn after_a_clean_stop_every_client_resumes() {
    let server = Server::start();
    let mut client =
        Native::connect(&server, None, json!([{"channel": "a"}, {"channel": "b"}])).await;
    let mut sinces = Vec::new();
    for channel in ["a", "b"] {
        let (epoch, seq) = server.publish(channel, json!({"data": "before"})).await;
        sinces.push((channel, json!({"epoch": epoch, "seq": seq})));
        server.publish(channel, json!({"data": "missed"})).await;
    }
    client.next_of("message").await;
    let before = server.info.clone();
    let dir = server.stop().expect("its own directory");
    let (code, frames) = client.until_close().await;
    assert_eq!(
        code, 4200,
        "a drained client is told to come back: {frames:?}"
    );

    let server = Server::start_in(dir.path());
    assert_eq!(
        server.info.api_key, before.api_key,
        "later starts reuse the credentials"
    );
    for (channel, since) in sinces {
        let mut client =
            Native::connect(&server, None, json!([{"channel": channel, "since": since}])).await;
        assert_eq!(client.next_of("subscribed").await["continuity"], "kept");
        assert_eq!(client.next_of("message").await["data"], "missed");
        let (_, seq) = server.publish(channel, json!({"data": "after"})).await;
        assert_eq!(seq, 3);
        assert_eq!(client.next_of("message").await["seq"], 3);
    }
}

#[tokio::test]
async fn a_second_process_on_one_data_directory_is_refused_with_a_sentence() {
    let server = Server::start();
    let (code, stderr) = Server::refused_in(&server.info.data_dir);
    assert_ne!(code, 0);
    assert!(
        stderr.contains("another process") || stderr.contains("in use"),
        "{stderr}"
    );
    server
        .publish("a", json!({"data": "the first one goes on"}))
        .await;
}

#[tokio::test]
async fn after_a_kill_a_client_is_told_what_its_broker_still_has() {
    let server = Server::start();
    let (epoch, seq) = server.publish("a", json!({"data": "before"})).await;
    server.publish("a", json!({"data": "missed"})).await;
    let since = json!({"epoch": epoch, "seq": seq});
    let dir = server.kill().expect("its own directory");

    let server = Server::start_in(dir.path());
    let offered = json!([{"channel": "a", "since": since}]);
    let mut client = Native::connect(&server, None, offered).await;
    let subscribed = client.next_of("subscribed").await;
    let (epoch_after, seq_after) = server.publish("a", json!({"data": "after"})).await;
    match Broker::under_test() {
        Broker::Embedded => {
            assert_eq!(subscribed["reason"], "unknown_epoch", "{subscribed}");
            assert_ne!(epoch_after, epoch, "a log that is gone is not continued");
        }
        Broker::Redis => {
            assert_eq!(subscribed["continuity"], "kept", "{subscribed}");
            assert_eq!((epoch_after, seq_after), (epoch, seq + 2));
            assert_eq!(client.next_of("message").await["data"], "missed");
        }
    }
    assert_eq!(client.next_of("message").await["data"], "after");
}

/// Kills a node at seeded moments, among them right after a start that loaded what a clean stop had saved,
/// while a publisher and a subscriber are at work.
#[tokio::test(flavor = "multi_thread")]
async fn no_position_is_ever_used_twice_whenever_the_node_is_killed() {
    // The embedded node numbers by itself, and each kill may catch it between two of its files. On Redis it
    // numbers nothing: a few kills show that none of them costs a position.
    let (kills, may_lose) = match Broker::under_test() {
        Broker::Embedded => (100, true),
        Broker::Redis => (12, false),
    };
    let seed = 20_261_125;
    let mut random = StdRng::seed_from_u64(seed);
    let mut seen: HashSet<(String, u64)> = HashSet::new();
    let mut since: Option<Value> = None;
    let dir = tempfile::tempdir().unwrap();
    for round in 0..kills {
        let server = Server::start_in(dir.path());
        let mut subscribe = json!([{"channel": "a"}]);
        if let Some(since) = &since {
            subscribe[0]["since"] = since.clone();
        }
        let mut client = Native::connect(&server, None, subscribe).await;
        let subscribed = client.next_of("subscribed").await;
        let told_lost = may_lose && subscribed["continuity"] == "lost";
        assert!(
            since.is_none() || told_lost || subscribed["continuity"] == "kept",
            "{subscribed}"
        );
        // Every fourth time the node is stopped cleanly, so that the next start loads a snapshot, and is
        // killed after that.
        let clean = round % 4 == 3;
        let moment = Duration::from_micros(random.random_range(0..30_000));
        let publisher = {
            let (url, key) = (server.info.url.clone(), server.info.api_key.clone());
            tokio::spawn(async move { publish_until_gone(&url, &key).await })
        };
        tokio::time::sleep(moment).await;
        if clean {
            server.stop()
        } else {
            server.kill()
        };
        let published = tokio::time::timeout(patience(Duration::from_secs(30)), publisher).await;
        for position in published
            .expect("the publisher ends with the node")
            .unwrap()
        {
            assert!(
                seen.insert(position.clone()),
                "round {round} of seed {seed}: {position:?} was used twice"
            );
            since = Some(json!({"epoch": position.0, "seq": position.1}));
        }
        client.cut();
    }
    assert!(
        seen.len() > kills,
        "the publisher hardly published: {}",
        seen.len()
    );
}

/// Publishes one message after the other until the node is gone; answers the positions that were given.
async fn publish_until_gone(url: &str, key: &str) -> Vec<(String, u64)> {
    use http_body_util::{BodyExt, Full};
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    let client = Client::builder(TokioExecutor::new()).build_http::<Full<bytes::Bytes>>();
    let mut positions = Vec::new();
    loop {
        let request = http::Request::post(format!("{url}/v1/channels/a/messages"))
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .body(Full::from("{\"data\":1}"))
            .unwrap();
        let Ok(response) = client.request(request).await else {
            return positions;
        };
        let created = response.status() == 201;
        let Ok(body) = response.into_body().collect().await else {
            return positions;
        };
        if !created {
            return positions;
        }
        let json: Value = serde_json::from_slice(&body.to_bytes()).unwrap();
        positions.push((
            json["epoch"].as_str().unwrap().to_owned(),
            json["seq"].as_u64().unwrap(),
        ));
    }
}
