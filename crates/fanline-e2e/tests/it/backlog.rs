//! A backlog much larger than the outbox.

use fanline_e2e::{Native, Server};
use serde_json::json;

/// 50 MB behind, with an outbox of 1 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_megabytes_arrive_whole_and_in_order_without_a_reconnect() {
    const MESSAGES: u64 = 1_000;
    let server = Server::start();
    let path = format!("/admin/v1/apps/{}/namespaces/bulk.", server.info.app_id);
    let rule = json!({"access": "open", "history": {"window_seconds": 600, "messages": 6000, "bytes": 64 * 1024 * 1024}});
    let answer = server.admin("PUT", &path, Some(&rule)).await;
    assert!(answer.status.is_success(), "{answer:?}");

    let mut client = Native::connect(&server, None, json!([{"channel": "bulk.1"}])).await;
    let subscribed = client.next_of("subscribed").await;
    client.cut();
    let payload = "x".repeat(50_000);
    for n in 1..=MESSAGES {
        let (_, seq) = server
            .publish("bulk.1", json!({"data": {"n": n, "payload": payload}}))
            .await;
        assert_eq!(seq, n);
    }
    server.has_heard("bulk.1", MESSAGES, None).await;
    let before = server.resident_kib();
    let mut client = Native::connect(
        &server,
        None,
        json!([{"channel": "bulk.1", "since": subscribed["from"]}]),
    )
    .await;
    assert_eq!(client.next_of("subscribed").await["continuity"], "kept");
    // A while without reading: the server must wait, not queue.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let grown = server.resident_kib().saturating_sub(before);
    assert!(
        grown < 16 * 1024,
        "the server queued {grown} KiB for a client that does not read"
    );
    for n in 1..=MESSAGES {
        let message = client.next().await;
        assert_eq!(
            (&message["type"], &message["seq"], &message["data"]["n"]),
            (&json!("message"), &json!(n), &json!(n))
        );
    }
    assert_eq!(client.next().await["type"], "caught_up");
}
