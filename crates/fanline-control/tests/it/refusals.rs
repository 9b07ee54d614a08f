//! What is refused, and how it is said.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::world::{World, path};

#[tokio::test]
async fn what_is_not_there_and_what_is_no_name_look_alike() {
    let world = World::new().await;
    for app in [
        "app_none",
        "a%20b",
        &"x".repeat(65),
        &world.shop.tenant_id.to_string(),
    ] {
        for (method, rest, body) in [
            ("GET", "", None),
            ("PATCH", "", Some(json!({}))),
            ("GET", "/namespaces", None),
            ("GET", "/namespaces/cache-", None),
            ("PUT", "/namespaces/cache-", Some(json!({}))),
            ("DELETE", "/namespaces/cache-", None),
            ("GET", "/rule?channel=a", None),
        ] {
            let answer = world
                .call(method, &format!("/admin/v1/apps/{app}{rest}"), body)
                .await;
            assert_eq!(
                answer.problem(404, "not_found"),
                "there is no app by that name",
                "{method} {app}{rest}"
            );
        }
    }
}

#[tokio::test]
async fn a_rule_of_one_app_is_not_another_s() {
    let world = World::new().await;
    world
        .call("PUT", &world.shop("/namespaces/orders."), Some(json!({})))
        .await;
    let foreign = world
        .call(
            "GET",
            &path(&world.other.app_id, "/namespaces/orders."),
            None,
        )
        .await;
    foreign.problem(404, "not_found");
    let removed = world
        .call(
            "DELETE",
            &path(&world.other.app_id, "/namespaces/orders."),
            None,
        )
        .await;
    removed.problem(404, "not_found");
    assert_eq!(
        world
            .call("GET", &world.shop("/namespaces/orders."), None)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() {
    let world = World::new().await;
    for (method, rest, body, name) in [
        ("PATCH", "", json!({"enable": true}), "`enable`"),
        (
            "PATCH",
            "",
            json!({"limits": {"conections": 1}}),
            "`conections`",
        ),
        ("PUT", "/namespaces/a", json!({"acess": "open"}), "`acess`"),
        (
            "PUT",
            "/namespaces/a",
            json!({"history": {"window": 1}}),
            "`window`",
        ),
        (
            "PUT",
            "/namespaces/a",
            json!({"access": "public"}),
            "`public`",
        ),
    ] {
        let answer = world.call(method, &world.shop(rest), Some(body)).await;
        let detail = answer.problem(400, "invalid_request");
        assert!(
            detail.contains(name) && detail.contains("expected"),
            "{detail}"
        );
    }
    let query = world
        .call("GET", &world.shop("/rule?channel=a&chanel=b"), None)
        .await;
    assert!(query.problem(400, "invalid_request").contains("`chanel`"));
    assert_eq!(
        world.seen().await.revision.app,
        1_795_953_600_000,
        "nothing was changed"
    );
}

#[tokio::test]
async fn a_value_that_cannot_be_is_refused_with_what_would_be_right() {
    let world = World::new().await;
    for (method, rest, body, code, words) in [
        (
            "PUT",
            "/namespaces/a",
            json!({"state": {"keys": 0}}),
            400,
            "between 1 and 100000",
        ),
        ("PUT", "/namespaces/a%20b", json!({}), 400, "A-Z a-z 0-9"),
        (
            "PUT",
            "/namespaces/private-a",
            json!({"access": "open"}),
            409,
            "never open",
        ),
        (
            "PATCH",
            "",
            json!({"allowed_origins": ["example"]}),
            400,
            "scheme://host",
        ),
        (
            "PATCH",
            "",
            json!({"limits": {"message_bytes": 1_000_000}}),
            409,
            "raise frame_bytes",
        ),
        ("PATCH", "", json!([]), 400, "cannot be read"),
    ] {
        let answer = world.call(method, &world.shop(rest), Some(body)).await;
        let name = if code == 400 {
            "invalid_request"
        } else {
            "conflict"
        };
        let detail = answer.problem(code, name);
        assert!(detail.contains(words), "{detail}");
    }
    let channel = world
        .call("GET", &world.shop("/rule?channel=a%20b"), None)
        .await;
    assert!(channel.problem(400, "invalid_channel").contains("' '"));
    world
        .call("GET", &world.shop("/rule"), None)
        .await
        .problem(400, "invalid_request");
    world
        .call("GET", &world.shop("/namespaces/%FF"), None)
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn bodies_that_are_too_long_no_json_or_not_announced_as_json_are_refused() {
    let world = World::new().await;
    let send = async |kind: Option<&str>, body: String| {
        let mut request = Request::builder()
            .method("PATCH")
            .uri(world.shop(""))
            .header(
                "authorization",
                format!("Bearer {}", world.shop.operator_token.expose()),
            );
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        world.send(request.body(Body::from(body)).unwrap()).await
    };
    send(Some("application/json"), "{".to_owned())
        .await
        .problem(400, "invalid_request");
    send(None, "{}".to_owned())
        .await
        .problem(415, "unsupported_media_type");
    send(Some("text/plain"), "{}".to_owned())
        .await
        .problem(415, "unsupported_media_type");
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(70_000));
    send(Some("application/json"), long)
        .await
        .problem(413, "too_large");
    assert_eq!(
        send(
            Some("application/merge-patch+json; charset=utf-8"),
            "{}".to_owned()
        )
        .await
        .status,
        200
    );
}

#[tokio::test]
async fn a_wrong_path_or_method_is_a_problem_too() {
    let world = World::new().await;
    world
        .call("GET", "/admin/v1/nothing", None)
        .await
        .problem(404, "not_found");
    let method = world.call("POST", &world.shop("/namespaces"), None).await;
    method.problem(405, "method_not_allowed");
    assert_eq!(method.headers["allow"], "GET,HEAD");
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_told_by_number_and_may_be_asked_again() {
    let world = World::new().await;
    world.store.close().await;
    let answer = world.call("GET", "/admin/v1/apps", None).await;
    let detail = answer.problem(503, "unavailable");
    assert!(
        detail.contains("request ") && !detail.to_lowercase().contains("sql"),
        "{detail}"
    );
    assert_eq!(answer.headers["retry-after"], "1");
}
