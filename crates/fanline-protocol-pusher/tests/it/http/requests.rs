//! Which requests are let in: the signature, what belongs to it, and the body.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use fanline_model::Timestamp;
use fanline_protocol::{BoxError, HttpBody, full_body};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::json;

use crate::world::{
    APP_ID, Answer, Backend, KEY, NOW, OTHER_APP_ID, OTHER_KEY, OTHER_SECRET, SECOND_KEY,
    SECOND_SECRET, World, fixture, hmac,
};

/// A request that a real SDK made, with its signature.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    says: String,
    method: String,
    path: String,
    query: String,
    body: String,
    timestamp: u64,
    /// What the server answers, once it has let the request in.
    status: u16,
}

impl Vector {
    fn all() -> Vec<Self> {
        serde_json::from_str(&fixture("protocol/pusher/requests.json")).unwrap()
    }

    /// A backend in a world of the vector's time.
    fn backend(&self) -> Backend {
        let world = World::new();
        world.clock.set(Timestamp::from_secs(self.timestamp));
        Backend::new(&world)
    }

    async fn send(&self, backend: &Backend) -> Answer {
        let target = format!("{}?{}", self.path, self.query);
        backend
            .send(&self.method, &target, full_body(self.body.clone()))
            .await
    }
}

/// Another byte of the same class, so that what is sent stays a request.
fn flip(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = match bytes[at] {
        b'a' => b'b',
        b'0' => b'1',
        byte if byte.is_ascii_digit() => b'0',
        _ => b'a',
    };
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn c100_the_documented_requests_are_let_in() {
    for vector in Vector::all() {
        let answer = vector.send(&vector.backend()).await;
        assert_eq!(answer.status, vector.status, "{}: {answer:?}", vector.says);
    }
}

#[tokio::test]
async fn c100_a_request_with_any_byte_changed_is_not() {
    for vector in Vector::all() {
        let method = if vector.method == "GET" {
            "POST"
        } else {
            "GET"
        };
        let mut changed = vec![Vector {
            method: method.to_owned(),
            ..vector.clone()
        }];
        for at in (0..vector.query.len())
            .filter(|at| vector.query.as_bytes()[*at].is_ascii_alphanumeric())
        {
            changed.push(Vector {
                query: flip(&vector.query, at),
                ..vector.clone()
            });
        }
        for at in
            (0..vector.body.len()).filter(|at| vector.body.as_bytes()[*at].is_ascii_alphanumeric())
        {
            changed.push(Vector {
                body: flip(&vector.body, at),
                ..vector.clone()
            });
        }
        let tail = vector.path.len() - 2;
        changed.push(Vector {
            path: vector.path.replace("/apps/3/", "/apps/4/"),
            ..vector.clone()
        });
        if vector.path.contains("presence") || vector.path.contains("users/") {
            changed.push(Vector {
                path: flip(&vector.path, tail),
                ..vector.clone()
            });
        }
        let backend = vector.backend();
        for changed in changed {
            let answer = changed.send(&backend).await;
            let shut_out = matches!(answer.status, 401 | 404 | 405);
            assert!(
                shut_out,
                "{} {}?{} {}: {answer:?}",
                changed.method, changed.path, changed.query, changed.body
            );
        }
    }
}

#[tokio::test]
async fn c101_a_request_is_good_for_600_seconds_either_way() {
    let world = World::new();
    let backend = Backend::new(&world);
    let target = |now: u64| {
        let query = backend.sign_at(now, "GET", "/apps/3/channels", &[]);
        format!("/apps/3/channels?{query}")
    };
    for (at, status) in [
        (NOW - 599, 200),
        (NOW + 599, 200),
        (NOW - 601, 401),
        (NOW + 601, 401),
    ] {
        let answer = backend.send("GET", &target(at), full_body("")).await;
        assert_eq!(answer.status, status, "{answer:?}");
        if status == 401 {
            assert!(
                answer
                    .refused(401)
                    .contains("not within 600s of server time")
            );
        }
    }
}

#[tokio::test]
async fn c102_each_missing_part_has_its_own_sentence() {
    let world = World::new();
    let backend = Backend::new(&world);
    let whole = backend.sign("GET", "/apps/3/channels", &[]);
    for (without, text) in [
        ("auth_key", "Missing parameter: auth_key"),
        ("auth_timestamp", "Timestamp required"),
        ("auth_version", "Version required"),
        ("auth_signature", "Missing parameter: auth_signature"),
    ] {
        let pairs: Vec<_> = whole
            .split('&')
            .filter(|pair| !pair.starts_with(without))
            .collect();
        let answer = backend
            .send(
                "GET",
                &format!("/apps/3/channels?{}", pairs.join("&")),
                full_body(""),
            )
            .await;
        assert!(answer.refused(401).starts_with(text), "{answer:?}");
    }
    for (old, new, text) in [
        (
            "auth_version=1.0",
            "auth_version=2.0",
            "Version not supported",
        ),
        (
            KEY,
            "nobody",
            "the signature names a key that this app does not have",
        ),
        (
            KEY,
            OTHER_KEY,
            "the signature names a key that this app does not have",
        ),
        (
            "auth_timestamp=1795953600",
            "auth_timestamp=soon",
            "Timestamp required",
        ),
    ] {
        let query = whole.replace(old, new);
        let answer = backend
            .send("GET", &format!("/apps/3/channels?{query}"), full_body(""))
            .await;
        assert!(answer.refused(401).contains(text), "{answer:?}");
    }
    let answer = backend.send("GET", "/apps/3/channels", full_body("")).await;
    assert!(
        answer
            .refused(401)
            .starts_with("Missing parameter: auth_key")
    );
}

#[tokio::test]
async fn c102_a_wrong_signature_shows_what_should_have_been_signed() {
    let world = World::new();
    let backend = Backend::with(&world, APP_ID, KEY, "wrong");
    let answer = backend.get("channels", &[]).await;
    let expected = r#"Invalid signature: you should have sent HmacSHA256Hex("GET\n/apps/3/channels\nauth_key="#;
    assert!(answer.refused(401).starts_with(expected), "{answer:?}");
}

#[tokio::test]
async fn c102_the_key_of_another_app_opens_neither_app() {
    let world = World::new();
    Backend::with(&world, OTHER_APP_ID, OTHER_KEY, OTHER_SECRET)
        .get("channels", &[])
        .await
        .ok();
    Backend::with(&world, APP_ID, OTHER_KEY, OTHER_SECRET)
        .get("channels", &[])
        .await
        .refused(401);
    Backend::with(&world, APP_ID, SECOND_KEY, SECOND_SECRET)
        .get("channels", &[])
        .await
        .ok();
    let nobody = Backend::with(&world, "99", KEY, "s")
        .get("channels", &[])
        .await;
    assert!(nobody.refused(404).contains("99"));
}

#[tokio::test]
async fn c103_a_body_needs_its_digest() {
    let world = World::new();
    let backend = Backend::new(&world);
    let body = json!({"name": "n", "channel": "a", "data": "1"}).to_string();
    for (parameters, text) in [
        (vec![], "Missing parameter: body_md5"),
        (
            vec![("body_md5", "99914b932bd37a50b983c5e7c90ae93b")],
            "Invalid body_md5",
        ),
    ] {
        let query = backend.sign("POST", "/apps/3/events", &parameters);
        let answer = backend
            .send(
                "POST",
                &format!("/apps/3/events?{query}"),
                full_body(body.clone()),
            )
            .await;
        assert!(answer.refused(401).starts_with(text), "{answer:?}");
    }
    assert!(world.published().is_empty());
}

#[tokio::test]
async fn c104_the_digest_of_nothing_is_accepted_on_a_get() {
    let world = World::new();
    let md5 = [("body_md5", "d41d8cd98f00b204e9800998ecf8427e")];
    Backend::new(&world).get("channels", &md5).await.ok();
}

#[tokio::test]
async fn c105_the_signature_may_stand_anywhere_and_the_query_end_in_an_ampersand() {
    let world = World::new();
    let backend = Backend::new(&world);
    let whole = backend.sign("GET", "/apps/3/channels", &[("filter_by_prefix", "a")]);
    let (rest, signature) = whole.split_once("&auth_signature=").unwrap();
    let (first, others) = rest.split_once('&').unwrap();
    for query in [
        format!("auth_signature={signature}&{rest}"),
        format!("{first}&auth_signature={signature}&{others}"),
        format!("{whole}&"),
    ] {
        backend
            .send("GET", &format!("/apps/3/channels?{query}"), full_body(""))
            .await
            .ok();
    }
}

#[tokio::test]
async fn c106_an_escaped_comma_means_a_comma() {
    let world = World::new();
    let mut client = world.connect().await;
    client.subscribe("news").await;
    let backend = Backend::new(&world);
    let query = backend.sign(
        "GET",
        "/apps/3/channels/news",
        &[("info", "subscription_count,")],
    );
    for query in [query.clone(), query.replace(',', "%2C")] {
        let answer = backend
            .send(
                "GET",
                &format!("/apps/3/channels/news?{query}"),
                full_body(""),
            )
            .await;
        assert_eq!(
            answer.ok(),
            json!({"occupied": true, "subscription_count": 1})
        );
    }
}

#[tokio::test]
async fn c107_a_path_signed_before_it_was_escaped_is_accepted() {
    let world = World::new();
    let backend = Backend::new(&world);
    let md5 = [("body_md5", "99914b932bd37a50b983c5e7c90ae93b")];
    let query = backend.sign("POST", "/apps/3/users/a b/terminate_connections", &md5);
    let target = format!("/apps/3/users/a%20b/terminate_connections?{query}");
    let answer = backend.send("POST", &target, full_body("{}")).await;
    assert_eq!(answer.status, 501, "{answer:?}");
}

#[tokio::test]
async fn a_plus_is_read_as_it_was_signed() {
    let world = World::new();
    let backend = Backend::new(&world);
    let text = |value: &str| {
        format!(
            "GET\n/apps/3/channels\nauth_key={KEY}&auth_timestamp={NOW}&auth_version=1.0&filter_by_prefix={value}"
        )
    };
    for (sent, signed) in [("a+b%2Bc", "a b+c"), ("a+b", "a+b"), ("a%20b", "a b")] {
        let signature = hmac(crate::world::SECRET, &text(signed));
        let query = format!(
            "auth_key={KEY}&auth_timestamp={NOW}&auth_version=1.0&filter_by_prefix={sent}&auth_signature={signature}"
        );
        let answer = backend
            .send("GET", &format!("/apps/3/channels?{query}"), full_body(""))
            .await;
        assert_eq!(answer.status, 200, "{sent}: {answer:?}");
    }
}

#[tokio::test]
async fn c109_a_body_in_single_bytes_is_read_whole_before_its_digest() {
    let world = World::new();
    let backend = Backend::new(&world);
    let body = json!({"name": "n", "channel": "a", "data": "x".repeat(2_000)}).to_string();
    let query = signed_post(&backend, &body);
    let answer = backend
        .send(
            "POST",
            &format!("/apps/3/events?{query}"),
            in_pieces(&body, 1),
        )
        .await;
    answer.ok();
    assert_eq!(world.published().len(), 1);
}

#[tokio::test]
async fn c109_a_body_of_a_mebibyte_is_read_and_one_of_three_is_refused() {
    let world = World::new();
    let backend = Backend::new(&world);
    let padding = |bytes: usize| {
        json!({"name": "n", "channel": "a", "data": "1", "x": "y".repeat(bytes)}).to_string()
    };
    let body = padding(1024 * 1024);
    let query = signed_post(&backend, &body);
    backend
        .send(
            "POST",
            &format!("/apps/3/events?{query}"),
            in_pieces(&body, 8_192),
        )
        .await
        .ok();
    let body = padding(3 * 1024 * 1024);
    let query = signed_post(&backend, &body);
    let answer = backend
        .send(
            "POST",
            &format!("/apps/3/events?{query}"),
            in_pieces(&body, 8_192),
        )
        .await;
    assert!(answer.refused(413).contains("larger"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let world = World::new();
    let backend = Backend::new(&world);
    let query = signed_post(&backend, "{}");
    let answer = backend
        .send(
            "POST",
            &format!("/apps/3/events?{query}"),
            Broken.boxed_unsync(),
        )
        .await;
    answer.refused(400);
}

#[tokio::test]
async fn c127_a_disabled_app_is_refused_with_403() {
    let world = World::new();
    world.change(|app| app.settings.enabled = false);
    Backend::new(&world).get("channels", &[]).await.refused(403);
}

#[tokio::test]
async fn a_path_or_method_that_is_none_is_told_in_a_sentence() {
    let world = World::new();
    let backend = Backend::new(&world);
    for path in ["/apps", "/apps/3", "/apps/3/nothing", "/"] {
        assert!(
            backend
                .send("GET", path, full_body(""))
                .await
                .refused(404)
                .contains("/apps/")
        );
    }
    backend
        .send("DELETE", "/apps/3/events", full_body(""))
        .await
        .refused(405);
    backend
        .send("GET", "/apps/3/channels/%ff", full_body(""))
        .await
        .refused(400);
}

fn signed_post(backend: &Backend, body: &str) -> String {
    use md5::{Digest as _, Md5};
    let md5: String = Md5::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    backend.sign("POST", "/apps/3/events", &[("body_md5", &md5)])
}

fn in_pieces(body: &str, size: usize) -> HttpBody {
    let pieces = body
        .as_bytes()
        .chunks(size)
        .map(Bytes::copy_from_slice)
        .collect();
    Pieces(pieces).boxed_unsync()
}

/// A body that arrives in pieces.
struct Pieces(std::collections::VecDeque<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        Poll::Ready(
            self.0
                .pop_front()
                .map(|piece| Ok(http_body::Frame::data(piece))),
        )
    }
}

/// A body whose connection breaks.
struct Broken;

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        Poll::Ready(Some(Err("the line broke".into())))
    }
}

#[tokio::test]
async fn what_a_moved_clock_takes_away_comes_back_with_it() {
    let world = World::new();
    let backend = Backend::new(&world);
    world.clock.advance(Duration::from_secs(700));
    backend.get("channels", &[]).await.refused(401);
    world.clock.set(Timestamp::from_secs(NOW));
    backend.get("channels", &[]).await.ok();
}
