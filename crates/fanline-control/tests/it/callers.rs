//! Who may ask: an operator, and nobody else.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::world::World;

/// Every operation, with a body where it takes one.
fn operations(world: &World) -> Vec<(&'static str, String)> {
    vec![
        ("GET", "/admin/v1/apps".to_owned()),
        ("GET", "/admin/v1/nodes".to_owned()),
        ("GET", world.shop("")),
        ("PATCH", world.shop("")),
        ("GET", world.shop("/rule?channel=a")),
        ("GET", world.shop("/namespaces")),
        ("GET", world.shop("/namespaces/cache-")),
        ("PUT", world.shop("/namespaces/cache-")),
        ("DELETE", world.shop("/namespaces/cache-")),
    ]
}

#[tokio::test]
async fn every_operation_asks_for_an_operator_s_token_before_anything_else() {
    let world = World::new().await;
    let credentials = [
        None,
        Some("Bearer".to_owned()),
        Some("Bearer fl_op_nobody_x".to_owned()),
        Some(format!("Basic {}", world.shop.operator_token.expose())),
        Some(format!("Bearer {}", world.shop.api_key.expose())),
        Some(format!("Bearer {}x", world.shop.operator_token.expose())),
    ];
    for (method, path) in operations(&world) {
        for credential in &credentials {
            let mut request = Request::builder().method(method).uri(&path);
            if let Some(credential) = credential {
                request = request.header("authorization", credential);
            }
            let answer = world
                .send(request.body(Body::from("{ no json")).unwrap())
                .await;
            assert!(
                answer.problem(401, "unauthorized").contains("fl_op_"),
                "{method} {path}"
            );
            assert!(
                answer.headers["www-authenticate"]
                    .to_str()
                    .unwrap()
                    .starts_with("Bearer")
            );
        }
    }
    assert_eq!(
        world.seen().await.revision.app,
        1_795_953_600_000,
        "nothing was changed"
    );
}

#[tokio::test]
async fn the_scheme_s_name_knows_no_case() {
    let world = World::new().await;
    let request = Request::builder().uri("/admin/v1/apps").header(
        "authorization",
        format!("bearer  {}", world.shop.operator_token.expose()),
    );
    assert_eq!(
        world
            .send(request.body(Body::empty()).unwrap())
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_operator_reaches_every_tenant_and_no_answer_holds_a_secret() {
    let world = World::new().await;
    let answer = world.call("GET", "/admin/v1/apps", None).await;
    let ids: Vec<_> = answer.body["apps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|app| app["id"].clone())
        .collect();
    let mut expected = vec![
        json!(world.shop.app_id.as_str()),
        json!(world.other.app_id.as_str()),
    ];
    expected.sort_by_key(|id| id.to_string());
    assert_eq!(ids, expected);

    for (method, path) in operations(&world) {
        let body = matches!(method, "PUT" | "PATCH").then(|| json!({}));
        let answer = world.call(method, &path, body).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        assert_eq!(answer.headers["cache-control"], "no-store");
        let text = answer.body.to_string();
        for secret in [
            &world.shop.pusher.secret,
            &world.shop.signing_key.secret,
            &world.shop.api_key,
        ] {
            assert!(!text.contains(secret.expose()), "{method} {path}");
        }
    }
}
