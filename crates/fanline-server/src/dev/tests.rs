//! Who gets what from the pages and helpers.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use fanline_edge::Peer;
use fanline_model::{Channel, ConnectionId, ErrorCode, Timestamp, UserId};
use fanline_protocol::{
    Caller, ChannelInfo, ChannelQuery, HistoryPage, HistoryQuery, HttpService, Item, PublishBatch,
    PublishResult, Realtime, Refusal, full_body,
};
use fanline_tenancy::{AppRef, Capabilities, Proof};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::{Dev, router};
use crate::{credentials::tests::forged, http_service};

/// An engine that refuses everybody.
struct Closed;

#[async_trait]
impl Realtime for Closed {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    async fn authenticate(&self, _: &AppRef, _: &Proof) -> Result<Caller, Refusal> {
        Err(closed())
    }

    async fn publish(&self, _: &Caller, _: PublishBatch) -> Result<Vec<PublishResult>, Refusal> {
        Err(closed())
    }

    async fn history(&self, _: &Caller, _: HistoryQuery) -> Result<HistoryPage, Refusal> {
        Err(closed())
    }

    async fn channel(&self, _: &Caller, _: &Channel) -> Result<ChannelInfo, Refusal> {
        Err(closed())
    }

    async fn channels(
        &self,
        _: &Caller,
        _: ChannelQuery,
    ) -> Result<(Vec<ChannelInfo>, bool), Refusal> {
        Err(closed())
    }

    async fn mint(
        &self,
        _: &Caller,
        _: Option<UserId>,
        _: Capabilities,
        _: Vec<Channel>,
        _: std::time::Duration,
    ) -> Result<(String, Timestamp), Refusal> {
        Err(closed())
    }

    async fn deliver(
        &self,
        _: &Caller,
        _: ConnectionId,
        _: &Channel,
        _: Item,
    ) -> Result<bool, Refusal> {
        Err(closed())
    }
}

fn closed() -> Refusal {
    Refusal::new(ErrorCode::Unavailable, "closed")
}

fn service() -> HttpService {
    http_service::of(router(Dev {
        made: Arc::new(forged(Path::new("/data"))),
        realtime: Arc::new(Closed),
    }))
}

/// A request as the edge hands it in; `headers` are laid over those of a browser on this machine.
async fn ask(method: &str, path: &str, peer: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .extension(Peer(peer.parse().unwrap()))
        .body(full_body(body.to_owned()))
        .unwrap();
    request
        .headers_mut()
        .insert("host", "localhost:7300".parse().unwrap());
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let response = service().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        status,
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

const LOCAL: &str = "127.0.0.1:50000";
const PATHS: [(&str, &str); 8] = [
    ("GET", "/"),
    ("GET", "/dev/live.js"),
    ("GET", "/dev/live.css"),
    ("GET", "/dev/pusher.html"),
    ("POST", "/dev/token"),
    ("POST", "/dev/pusher/auth"),
    ("POST", "/dev/pusher/user-auth"),
    ("GET", "/nowhere"),
];

#[tokio::test]
async fn nothing_is_served_to_another_machine_name_or_page() {
    for (method, path) in PATHS {
        for (peer, headers) in [
            ("192.0.2.7:1", vec![]),
            (LOCAL, vec![("host", "attacker.example:7300")]),
            (LOCAL, vec![("origin", "https://attacker.example")]),
            (LOCAL, vec![("origin", "null")]),
        ] {
            let answer = ask(method, path, peer, &headers, "").await;
            assert_eq!(answer.status, 403, "{method} {path} {peer} {headers:?}");
            assert_eq!(answer.header("access-control-allow-origin"), "");
        }
        let answer = ask(method, path, LOCAL, &[], "").await;
        assert_ne!(answer.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn the_live_page_may_load_and_reach_nothing_but_this_server() {
    let page = ask("GET", "/", LOCAL, &[], "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("content=\"app-key\""), "{}", page.body);
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "ws://localhost:7300",
        "form-action 'none'",
    ] {
        let policy = page.header("content-security-policy");
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!page.header("content-security-policy").contains("unsafe"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    for secret in [
        "fl_id_secret",
        "signing secret",
        "pusher secret",
        "operator token",
    ] {
        assert!(!page.body.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn the_page_for_pusher_js_knows_the_host_that_the_browser_knows() {
    for path in ["/dev/pusher", "/dev/pusher.html"] {
        let page = ask("GET", path, LOCAL, &[("host", "127.0.0.1:4321")], "").await;
        for part in [
            "new Pusher(\"app-key\"",
            "wsHost: \"127.0.0.1\"",
            "wsPort: 4321",
            "http://127.0.0.1:4321/dev/pusher/auth",
        ] {
            assert!(page.body.contains(part), "{part}: {}", page.body);
        }
        assert!(!page.body.contains("pusher secret"));
        assert!(!page.header("content-security-policy").contains("unsafe"));
    }
}

#[tokio::test]
async fn a_channel_is_signed_as_pushers_own_example_says() {
    // The worked example of Pusher's documentation, with its key and secret.
    let mut made = forged(Path::new("/data"));
    made.pusher.key = "278d425bdf160c739803".to_owned();
    made.pusher.secret = "7ad3773142a6692b25b8".to_owned();
    let service = http_service::of(router(Dev {
        made: Arc::new(made),
        realtime: Arc::new(Closed),
    }));
    let request = Request::post("/dev/pusher/auth")
        .header("host", "localhost")
        .header("origin", "http://localhost:3000")
        .extension(Peer(LOCAL.parse().unwrap()))
        .body(full_body("socket_id=1234.1234&channel_name=private-foobar"))
        .unwrap();
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(
        response.headers()["access-control-allow-origin"],
        "http://localhost:3000"
    );
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let expected = r#"{"auth":"278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"}"#;
    assert_eq!(body, expected);
}

#[tokio::test]
async fn only_a_connection_and_a_channel_are_signed() {
    for body in [
        "",
        "socket_id=1.2",
        "socket_id=1.2&channel_name=",
        "socket_id=1.2&channel_name=a%20b",
        "socket_id=1.2:private-other&channel_name=private-a",
        "socket_id=nobody&channel_name=private-a",
        "{\"socket_id\": 7}",
    ] {
        let answer = ask("POST", "/dev/pusher/auth", LOCAL, &[], body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.contains("\"detail\""), "{}", answer.body);
    }
    for body in ["socket_id=1:.2", "socket_id=1.2::user::x"] {
        let answer = ask("POST", "/dev/pusher/user-auth", LOCAL, &[], body).await;
        assert_eq!(answer.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_presence_channel_and_a_user_are_signed_with_their_data() {
    let body = r#"{"socket_id": "1.2", "channel_name": "presence-a", "user_id": "ann"}"#;
    let answer = ask("POST", "/dev/pusher/auth", LOCAL, &[], body).await;
    let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let data = answer["channel_data"].as_str().unwrap();
    assert_eq!(data, r#"{"user_id":"ann","user_info":{"name":"ann"}}"#);

    let answer = ask(
        "POST",
        "/dev/pusher/user-auth",
        LOCAL,
        &[],
        "socket_id=1.2&user_id=ann",
    )
    .await;
    let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        answer["user_data"],
        r#"{"id":"ann","user_info":{"name":"ann"}}"#
    );
    assert!(answer["auth"].as_str().unwrap().starts_with("app-key:"));
}

#[tokio::test]
async fn a_page_of_another_port_may_ask_by_preflight() {
    let origin = [("origin", "http://localhost:3000")];
    let answer = ask("OPTIONS", "/dev/token", LOCAL, &origin, "").await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        "http://localhost:3000"
    );
    assert_eq!(answer.header("access-control-allow-methods"), "POST");
}

#[tokio::test]
async fn a_refusal_of_the_engine_is_a_problem() {
    let answer = ask("POST", "/dev/token", LOCAL, &[], "{").await;
    assert_eq!(answer.status, 400);
    let answer = ask("POST", "/dev/token", LOCAL, &[], "").await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
}
