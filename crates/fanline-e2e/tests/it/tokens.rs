//! Tokens: minted, refreshed in band, expired.

use fanline_e2e::{Native, Server, claims, token};
use serde_json::json;

#[tokio::test]
async fn a_minted_token_does_what_it_says_and_no_more() {
    let server = Server::start();
    let body =
        json!({"subject": "ann", "capabilities": {"private-*": ["subscribe"]}, "ttl_seconds": 600});
    let answer = server
        .api(
            "POST",
            "/v1/tokens",
            Some(&server.info.api_key),
            Some(&body),
        )
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let minted = answer.json()["token"].as_str().unwrap().to_owned();
    let mut client = Native::connect(&server, Some(&minted), json!([])).await;
    assert_eq!(
        client.subscribe("private-a", None).await["type"],
        "subscribed"
    );
    client
        .send(&json!({"type": "publish", "id": "p", "channel": "private-a", "data": 1}))
        .await;
    let refused = client.next_of("error").await;
    assert_eq!(
        (&refused["id"], &refused["code"]),
        (&json!("p"), &json!("forbidden"))
    );
}

#[tokio::test]
async fn a_refresh_in_band_drops_what_is_no_longer_allowed_and_a_failed_one_drops_nothing() {
    let server = Server::start();
    let sign = |capabilities| token(&server.info.signing_key, &claims("ann", &capabilities));
    let both = sign(json!({"private-*": ["subscribe"]}));
    let one = sign(json!({"private-a": ["subscribe"]}));
    let mut client = Native::connect(
        &server,
        Some(&both),
        json!([{"channel": "private-a"}, {"channel": "private-b"}]),
    )
    .await;
    client.next_of("caught_up").await;
    client.next_of("caught_up").await;

    client
        .send(&json!({"type": "refresh", "id": 1, "token": "not.a.token"}))
        .await;
    assert_eq!(client.next_of("error").await["id"], 1);
    server
        .publish("private-b", json!({"data": "still here"}))
        .await;
    assert_eq!(client.next_of("message").await["data"], "still here");

    client
        .send(&json!({"type": "refresh", "id": 2, "token": one}))
        .await;
    assert_eq!(client.next_of("refreshed").await["id"], 2);
    let gone = client.next_of("unsubscribed").await;
    assert_eq!(
        (&gone["channel"], &gone["reason"]),
        (&json!("private-b"), &json!("not_allowed"))
    );
    server
        .publish("private-b", json!({"data": "unheard"}))
        .await;
    server.publish("private-a", json!({"data": "heard"})).await;
    assert_eq!(client.next().await["data"], "heard");

    let other = token(
        &server.info.signing_key,
        &claims("bob", &json!({"*": ["subscribe"]})),
    );
    client
        .send(&json!({"type": "refresh", "id": 3, "token": other}))
        .await;
    assert_eq!(client.next_of("error").await["code"], "forbidden");
}

#[tokio::test]
async fn a_token_that_ends_is_announced_and_then_closes_with_its_own_reason() {
    let server = Server::start();
    let mut claims = claims("ann", &json!({"private-a": ["subscribe"]}));
    claims["exp"] = json!(claims["iat"].as_u64().unwrap() + 4);
    let short = token(&server.info.signing_key, &claims);
    let mut client =
        Native::connect(&server, Some(&short), json!([{"channel": "private-a"}])).await;
    let (code, frames) = client.until_close().await;
    assert_eq!(code, 4011, "{frames:?}");
    assert!(
        frames.iter().any(|frame| frame["type"] == "renew"),
        "{frames:?}"
    );

    let mut late = Native::open(&server).await;
    late.send(&json!({"type": "connect", "app": server.info.pusher.key, "token": short}))
        .await;
    assert_eq!(late.until_close().await.0, 4011);
}
