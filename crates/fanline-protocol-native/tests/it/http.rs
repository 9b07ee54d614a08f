//! The HTTP API over the stand-in.

use std::sync::Arc;

use fanline_model::{ErrorCode, Limits};
use fanline_protocol::{HttpBody, Realtime, Refusal, full_body};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{APP_KEY, TOKEN, World};

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Value,
}

struct Server(Arc<World>);

impl Server {
    fn new() -> Self {
        Self(World::new())
    }

    async fn send(&self, request: Request<HttpBody>) -> Answer {
        let realtime: Arc<dyn Realtime> = self.0.clone();
        let response: Response<HttpBody> = fanline_protocol_native::http(realtime)
            .oneshot(request)
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send(request(method, path, body, &[])).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }
}

fn request(
    method: Method,
    path: &str,
    body: Option<Value>,
    headers: &[(&str, &str)],
) -> Request<HttpBody> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "authorization") {
        request = request.header("authorization", format!("Bearer {}", World::api_key()));
    }
    if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
        .body(full_body(
            body.map(|body| body.to_string()).unwrap_or_default(),
        ))
        .unwrap()
}

impl Answer {
    /// It is a problem of this code, and says so in every way.
    #[track_caller]
    fn assert_problem(&self, code: ErrorCode) {
        assert_eq!(self.body["code"], code.name(), "{}", self.body);
        assert_eq!(self.status.as_u16(), code.status());
        assert_eq!(self.body["status"], code.status());
        assert_eq!(self.body["type"], code.problem_type());
        assert_eq!(self.body["title"], code.title());
        assert!(
            self.body["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty())
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers["access-control-allow-origin"], "*");
    }
}

#[tokio::test]
async fn a_message_is_published_once_and_its_position_told() {
    let server = Server::new();
    let first = server
        .post(
            "/v1/channels/orders.42/messages",
            json!({"id": "m1", "data": {"a": 1}}),
        )
        .await;
    assert_eq!(first.status, StatusCode::CREATED);
    let body = json!({"channel": "orders.42", "id": "m1", "status": "published", "epoch": "000000000000e001", "seq": 1});
    assert_eq!(first.body, body);
    let again = server
        .post(
            "/v1/channels/orders.42/messages",
            json!({"id": "m1", "data": {"a": 1}}),
        )
        .await;
    assert_eq!(
        (again.status, again.body["seq"].as_u64()),
        (StatusCode::OK, Some(1))
    );
    assert_eq!(again.body["status"], "duplicate");
    let other = server
        .post(
            "/v1/channels/orders.42/messages",
            json!({"id": "m1", "data": 2}),
        )
        .await;
    other.assert_problem(ErrorCode::IdempotencyMismatch);
}

#[tokio::test]
async fn an_idempotency_key_names_the_message() {
    let server = Server::new();
    let path = "/v1/channels/a/messages";
    let send = || {
        request(
            Method::POST,
            path,
            Some(json!({"data": 1})),
            &[("idempotency-key", "k")],
        )
    };
    assert_eq!(server.send(send()).await.body["id"], "k:0");
    assert_eq!(server.send(send()).await.body["status"], "duplicate");
    for bad in ["", "with space", &"x".repeat(121)] {
        let request = request(
            Method::POST,
            path,
            Some(json!({"data": 1})),
            &[("idempotency-key", bad)],
        );
        server
            .send(request)
            .await
            .assert_problem(ErrorCode::InvalidRequest);
    }
    let request = request(
        Method::POST,
        path,
        Some(json!({"data": 1})),
        &[("x-fanline-retry", "1")],
    );
    server
        .send(request)
        .await
        .assert_problem(ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_no_error_and_names_the_head() {
    let server = Server::new();
    server
        .post("/v1/channels/a/messages", json!({"data": 1}))
        .await;
    let elsewhere = json!({"data": 2, "if_position": {"epoch": "000000000000e001", "seq": 0}});
    let unchanged = server.post("/v1/channels/a/messages", elsewhere).await;
    assert_eq!(unchanged.status, StatusCode::OK);
    assert_eq!(unchanged.body["status"], "unchanged");
    assert_eq!(unchanged.body["reason"], "position");
    assert_eq!(
        unchanged.body["head"],
        json!({"epoch": "000000000000e001", "seq": 1})
    );
}

#[tokio::test]
async fn a_batch_answers_each_message_in_order() {
    let server = Server::new();
    let messages: Vec<_> = [("a", 1), ("b", 2), ("a", 3)]
        .map(|(channel, data)| json!({"channel": channel, "data": data}))
        .into();
    let answer = server
        .post("/v1/messages", json!({ "messages": messages }))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let results = answer.body["results"].as_array().unwrap();
    let placed: Vec<_> = results
        .iter()
        .map(|result| {
            (
                result["channel"].as_str().unwrap(),
                result["seq"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(placed, [("a", 1), ("b", 1), ("a", 2)]);
}

#[tokio::test]
async fn one_body_goes_to_many_channels_or_users() {
    let server = Server::new();
    let to = async |body: Value| {
        let answer = server.post("/v1/messages", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
        let results = answer.body["results"].as_array().unwrap().clone();
        results
            .iter()
            .map(|result| result["channel"].clone())
            .collect::<Vec<_>>()
    };
    let message = json!({"name": "n", "data": 1});
    let channels = to(json!({"message": message, "channels": ["a", "#user:u1"]})).await;
    assert_eq!(channels, ["a", "#user:u1"]);
    let users = to(json!({"message": message, "users": ["auth0|5", "u2"], "channels": null})).await;
    assert_eq!(users, ["#user:auth0|5", "#user:u2"]);
}

#[tokio::test]
async fn a_refused_part_of_a_batch_makes_it_207_and_says_why() {
    let server = Server::new();
    let body = json!({"message": {"data": 1}, "channels": ["a", "forbidden"]});
    let answer = server.post("/v1/messages", body).await;
    assert_eq!(answer.status, StatusCode::MULTI_STATUS);
    assert_eq!(answer.body["results"][0]["status"], "published");
    assert_eq!(answer.body["results"][1]["status"], "refused");
    assert_eq!(answer.body["results"][1]["error"]["code"], "forbidden");
}

#[tokio::test]
async fn a_batch_that_is_not_well_formed_publishes_nothing() {
    let server = Server::new();
    for (body, code) in [
        (json!({}), ErrorCode::InvalidRequest),
        (json!({"messages": []}), ErrorCode::InvalidRequest),
        (
            json!({"messages": [{"channel": "a", "data": 1}, {"data": 2}]}),
            ErrorCode::InvalidRequest,
        ),
        (
            json!({"messages": [{"channel": "a", "data": 1}, {"channel": "a b", "data": 2}]}),
            ErrorCode::InvalidChannel,
        ),
        (
            json!({"messages": [{"channel": "a", "data": 1}], "message": {"data": 1}}),
            ErrorCode::InvalidRequest,
        ),
        (
            json!({"messages": [{"channel": "a", "data": 1, "version": 1}, {"channel": "a", "data": 2}]}),
            ErrorCode::InvalidRequest,
        ),
        (json!({"message": {"data": 1}}), ErrorCode::InvalidRequest),
        (
            json!({"message": {"data": 1}, "channels": ["a", "a"]}),
            ErrorCode::InvalidRequest,
        ),
        (
            json!({"message": {"data": 1}, "channels": ["a", 5]}),
            ErrorCode::InvalidRequest,
        ),
        (
            json!({"message": [], "channels": ["a"]}),
            ErrorCode::InvalidRequest,
        ),
        (
            json!({"message": {"data": 1}, "channels": ["a"], "users": ["u"]}),
            ErrorCode::InvalidRequest,
        ),
        (
            json!({"message": {"data": 1}, "channels": []}),
            ErrorCode::InvalidRequest,
        ),
        (
            json!({"message": {"data": 1}, "users": [""]}),
            ErrorCode::InvalidRequest,
        ),
    ] {
        server.post("/v1/messages", body).await.assert_problem(code);
    }
    assert_eq!(server.get("/v1/channels/a").await.body["head"], Value::Null);
}

#[tokio::test]
async fn ten_thousand_messages_are_a_batch_and_one_more_is_not() {
    let server = Server::new();
    let body = |count: usize| json!({"message": {"data": 1}, "channels": (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>()});
    assert_eq!(
        server.post("/v1/messages", body(10_000)).await.status,
        StatusCode::CREATED
    );
    server
        .post("/v1/messages", body(10_001))
        .await
        .assert_problem(ErrorCode::TooMany);
}

#[tokio::test]
async fn history_reads_as_a_subscriber_would() {
    let server = Server::new();
    for data in [json!({ "n": 1 }), json!("two"), json!(3)] {
        server
            .post(
                "/v1/channels/a/messages",
                json!({"name": "n", "data": data}),
            )
            .await;
    }
    server
        .post(
            "/v1/channels/a/messages",
            json!({"data": "AAE=", "encoding": "base64", "headers": {"x": "y"}}),
        )
        .await;
    let page = server
        .get("/v1/channels/a/messages?since=000000000000e001%3A1&limit=2")
        .await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.body["continuity"], "kept");
    assert_eq!(
        page.body["from"],
        json!({"epoch": "000000000000e001", "seq": 1})
    );
    assert_eq!(page.body["head"]["seq"], 4);
    assert_eq!(page.body["more"], true);
    assert_eq!(page.body["messages"][0]["data"], "two");
    assert_eq!(page.body["messages"][1]["seq"], 3);
    let rest = server
        .get("/v1/channels/a/messages?since=000000000000e001%3A3")
        .await;
    assert_eq!(rest.body["messages"][0]["encoding"], "base64");
    assert_eq!(rest.body["messages"][0]["headers"], json!({"x": "y"}));
    let lost = server
        .get("/v1/channels/a/messages?since=00000000000000ff%3A3")
        .await;
    assert_eq!(
        (&lost.body["continuity"], &lost.body["reason"]),
        (&"lost".into(), &"unknown_epoch".into())
    );
}

#[tokio::test]
async fn channels_are_listed_and_looked_at() {
    let server = Server::new();
    for channel in ["orders.2", "orders.1", "other"] {
        server
            .post(
                &format!("/v1/channels/{channel}/messages"),
                json!({"data": 1}),
            )
            .await;
    }
    let list = server.get("/v1/channels?prefix=orders.&limit=1").await;
    assert_eq!(list.body["channels"][0]["channel"], "orders.1");
    assert_eq!(list.body["more"], true);
    let unused = server.get("/v1/channels/a%2Fb").await;
    assert_eq!(
        unused.body,
        json!({"channel": "a/b", "connections": 0, "members": 0, "head": null})
    );
}

#[tokio::test]
async fn a_token_is_minted_and_never_cached() {
    let server = Server::new();
    let body =
        json!({"subject": "u1", "capabilities": {"orders.*": ["subscribe"]}, "ttl_seconds": 600});
    let minted = server.post("/v1/tokens", body).await;
    assert_eq!(minted.status, StatusCode::CREATED);
    assert_eq!(minted.body["token"], TOKEN);
    assert_eq!(minted.body["expires_at"], 1_795_600_600_000_u64);
    assert_eq!(minted.headers["cache-control"], "no-store");
    for body in [
        json!({"capabilities": {"a*b": ["subscribe"]}}),
        json!({"capabilities": {"a": ["fly"]}}),
        json!({"ttl_seconds": 0}),
        json!({"ttl_seconds": 604_801}),
        json!({"subject": ""}),
        json!({"channels": ["a b"]}),
    ] {
        let answer = server.post("/v1/tokens", body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn a_caller_says_who_it_is_and_a_token_says_for_which_app() {
    let server = Server::new();
    let as_token = format!("Bearer {TOKEN}");
    let send = |path: &str, headers: &[(&str, &str)]| {
        server.send(request(Method::GET, path, None, headers))
    };
    for authorization in ["", "Basic x", "Bearer", "Bearer fl_x_y", "bearer nonsense"] {
        let answer = send("/v1/channels?app=shop", &[("authorization", authorization)]).await;
        answer.assert_problem(ErrorCode::Unauthorized);
        assert!(
            answer.headers["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Bearer")
        );
    }
    let token = [("authorization", &*as_token)];
    send("/v1/channels", &token)
        .await
        .assert_problem(ErrorCode::Unauthorized);
    send("/v1/channels?app=nobody", &token)
        .await
        .assert_problem(ErrorCode::Unauthorized);
    send("/v1/channels?app=a%20b", &token)
        .await
        .assert_problem(ErrorCode::InvalidRequest);
    let expired = format!("Bearer {}", crate::world::EXPIRED_TOKEN);
    send("/v1/channels?app=shop", &[("authorization", &expired)])
        .await
        .assert_problem(ErrorCode::TokenExpired);
    assert_eq!(
        send("/v1/channels?app=shop", &token).await.status,
        StatusCode::OK
    );
    let by_header = [("authorization", &*as_token), ("x-fanline-app", APP_KEY)];
    assert_eq!(
        send("/v1/channels", &by_header).await.status,
        StatusCode::OK
    );
    assert_eq!(
        send("/v1/channels?app=nobody", &[]).await.status,
        StatusCode::OK,
        "an API key names its own app"
    );
}

#[tokio::test]
async fn every_rejection_is_a_problem() {
    let server = Server::new();
    let path = "/v1/channels/a/messages";
    server
        .get("/v1/nothing")
        .await
        .assert_problem(ErrorCode::NotFound);
    let wrong = server.call(Method::DELETE, path, None).await;
    wrong.assert_problem(ErrorCode::MethodNotAllowed);
    let allow = wrong.headers["allow"].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    let typed = |content_type: &'static str| {
        request(
            Method::POST,
            path,
            Some(json!({"data": 1})),
            &[("content-type", content_type)],
        )
    };
    server
        .send(typed("text/plain"))
        .await
        .assert_problem(ErrorCode::UnsupportedMediaType);
    assert_eq!(
        server
            .send(typed("Application/JSON; charset=utf-8"))
            .await
            .status,
        StatusCode::CREATED
    );
    server
        .get("/v1/channels/a%FFb")
        .await
        .assert_problem(ErrorCode::InvalidRequest);
    server
        .get("/v1/channels/a%20b")
        .await
        .assert_problem(ErrorCode::InvalidChannel);
    server
        .get("/v1/channels/%7Ba%7D")
        .await
        .assert_problem(ErrorCode::InvalidChannel);
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=",
        "limit=1&limit=2",
    ] {
        server
            .get(&format!("/v1/channels?{query}"))
            .await
            .assert_problem(ErrorCode::InvalidRequest);
    }
    for query in [
        "since=",
        "since=1",
        "since=000000000000e001",
        "since=000000000000e001:-1",
    ] {
        server
            .get(&format!("{path}?{query}"))
            .await
            .assert_problem(ErrorCode::InvalidPosition);
    }
    for body in [
        json!([]),
        json!(null),
        json!("x"),
        json!({"data": 1, "name": 5}),
        json!({"data": 1, "headers": {"A": "b"}}),
    ] {
        server
            .post(path, body)
            .await
            .assert_problem(ErrorCode::InvalidRequest);
    }
    server
        .post(path, json!({"data": 1, "name": "pusher:x"}))
        .await
        .assert_problem(ErrorCode::InvalidName);
    server
        .post(path, json!({}))
        .await
        .assert_problem(ErrorCode::InvalidData);
    server
        .post("/v1/users/%0A/messages", json!({"data": 1}))
        .await
        .assert_problem(ErrorCode::InvalidRequest);
}

#[tokio::test]
async fn a_body_beyond_its_limit_is_refused_announced_or_not() {
    let limits = Limits {
        frame_bytes: 64,
        ..Limits::default()
    };
    let server = Server(World::with_limits(limits));
    let large = json!({"data": "x".repeat(100)});
    server
        .post("/v1/channels/a/messages", large.clone())
        .await
        .assert_problem(ErrorCode::TooLarge);
    let announced = request(
        Method::POST,
        "/v1/channels/a/messages",
        Some(json!({"data": 1})),
        &[("content-length", "65")],
    );
    server
        .send(announced)
        .await
        .assert_problem(ErrorCode::TooLarge);
    assert_eq!(
        server
            .post("/v1/messages", json!({"message": large, "channels": ["a"]}))
            .await
            .status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn an_unknown_outcome_names_the_ids_and_a_limit_its_headers() {
    let server = Server::new();
    let id = fanline_model::MessageId::parse("msg_0000000000000000000042").unwrap();
    let unknown =
        Refusal::new(ErrorCode::OutcomeUnknown, "retry with this id").with_message_ids(vec![id]);
    *server.0.refuse.lock().unwrap() = Some(unknown);
    let answer = server
        .post("/v1/channels/a/messages", json!({"data": 1}))
        .await;
    answer.assert_problem(ErrorCode::OutcomeUnknown);
    assert_eq!(
        answer.body["message_ids"],
        json!(["msg_0000000000000000000042"])
    );
    assert_eq!(answer.headers["retry-after"], "1");

    *server.0.refuse.lock().unwrap() = Some(Refusal::new(ErrorCode::RateLimited, "too fast"));
    let answer = server
        .post("/v1/channels/a/messages", json!({"data": 1}))
        .await;
    answer.assert_problem(ErrorCode::RateLimited);
    assert_eq!(answer.headers["ratelimit"], "\"rate_limited\";r=0;t=1");
    assert_eq!(
        answer.headers["ratelimit-policy"],
        "\"rate_limited\";q=20000;w=1"
    );
}

#[tokio::test]
async fn pages_of_every_origin_may_call_without_a_cookie() {
    let server = Server::new();
    let headers = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "POST"),
    ];
    let preflight = server
        .send(request(
            Method::OPTIONS,
            "/v1/channels/a/messages",
            None,
            &headers,
        ))
        .await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers["access-control-allow-origin"], "*");
    assert!(
        preflight
            .headers
            .get("access-control-allow-credentials")
            .is_none()
    );
    let allowed = preflight.headers["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("idempotency-key"));
}

#[tokio::test]
async fn the_document_is_served_and_describes_every_path() {
    let server = Server::new();
    let request = Request::get("/v1/openapi.json")
        .body(full_body(""))
        .unwrap();
    let answer = server.send(request).await;
    assert_eq!(answer.status, StatusCode::OK);
    let expected = serde_json::to_value(fanline_protocol_native::openapi()).unwrap();
    assert_eq!(answer.body, expected);
    let paths: Vec<_> = expected["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        paths,
        [
            "/v1/channels",
            "/v1/channels/{channel}",
            "/v1/channels/{channel}/messages",
            "/v1/messages",
            "/v1/openapi.json",
            "/v1/tokens",
            "/v1/users/{id}/messages",
        ]
    );
    let text = expected.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            expected["components"]["schemas"].get(name).is_some(),
            "{name} is referred to and missing"
        );
    }
}
