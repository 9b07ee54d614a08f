//! Namespaces: list, look, put, remove, and find the rule of a channel.

use fanline_model::Channel;
use fanline_tenancy::Access;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_new_app_has_the_rows_it_was_born_with_longest_first() {
    let world = World::new().await;
    let answer = world.call("GET", &world.shop("/namespaces"), None).await;
    let rules = answer.body["namespaces"].as_array().unwrap();
    let prefixes: Vec<_> = rules
        .iter()
        .map(|rule| rule["prefix"].as_str().unwrap())
        .collect();
    assert_eq!(prefixes[0], "private-encrypted-cache-");
    assert_eq!(*prefixes.last().unwrap(), "");
    let last = rules.last().unwrap();
    assert_eq!(
        (&last["access"], &last["preset"]),
        (&json!("open"), &json!(true))
    );
    assert_eq!(
        last["history"],
        json!({"window_seconds": 120, "messages": 6000, "bytes": 4_194_304})
    );
}

#[tokio::test]
async fn a_rule_is_in_force_when_it_is_answered() {
    let world = World::new().await;
    let channel = Channel::parse("orders.5").unwrap();
    let access = async || world.seen().await.rules.of(&channel).access;
    assert_eq!(access().await, Access::Open);

    let path = world.shop("/namespaces/orders.");
    let made = world
        .call(
            "PUT",
            &path,
            Some(json!({"history": {"bytes": 67_108_864}})),
        )
        .await;
    assert_eq!((made.status.as_u16(), access().await), (201, Access::Token));
    assert_eq!(made.body["prefix"], "orders.");
    assert_eq!(world.call("GET", &path, None).await.body, made.body);

    let replaced = world
        .call(
            "PUT",
            &path,
            Some(json!({"access": "open", "history": null})),
        )
        .await;
    assert_eq!(
        (replaced.status.as_u16(), access().await),
        (200, Access::Open)
    );
    assert_eq!(replaced.body["history"], json!(null));

    let removed = world.call("DELETE", &path, None).await;
    assert_eq!(
        (removed.status.as_u16(), &removed.body),
        (204, &json!(null))
    );
    world
        .call("GET", &path, None)
        .await
        .problem(404, "not_found");
    world
        .call("DELETE", &path, None)
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_star_stands_for_the_empty_prefix() {
    let world = World::new().await;
    let path = world.shop("/namespaces/*");
    assert_eq!(world.call("GET", &path, None).await.body["prefix"], "");
    let put = world
        .call("PUT", &path, Some(json!({"access": "token"})))
        .await;
    assert_eq!(
        (put.status.as_u16(), &put.body["preset"]),
        (200, &json!(false))
    );
    let seen = world.seen().await;
    assert_eq!(
        seen.rules.of(&Channel::parse("anything").unwrap()).access,
        Access::Token
    );
    let kept = world.call("DELETE", &path, None).await;
    assert!(kept.problem(409, "conflict").contains("cannot be removed"));
}

#[tokio::test]
async fn a_prefix_with_slashes_is_percent_encoded() {
    let world = World::new().await;
    let path = world.shop("/namespaces/a%2Fb%3Ac");
    assert_eq!(
        world.call("PUT", &path, Some(json!({}))).await.body["prefix"],
        "a/b:c"
    );
    assert_eq!(world.call("GET", &path, None).await.status, 200);
}

#[tokio::test]
async fn the_rule_of_a_channel_says_what_holds_in_effect() {
    let world = World::new().await;
    world
        .call(
            "PUT",
            &world.shop("/namespaces/private"),
            Some(json!({"access": "open"})),
        )
        .await;
    world
        .call("DELETE", &world.shop("/namespaces/private-"), None)
        .await;
    let rule = async |channel: &str| {
        let answer = world
            .call(
                "GET",
                &world.shop(&format!("/rule?channel={channel}")),
                None,
            )
            .await;
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        (
            text(&answer.body["rule"]["prefix"]),
            text(&answer.body["access"]),
        )
    };
    let expected = |prefix: &str, access: &str| (prefix.to_owned(), access.to_owned());
    assert_eq!(rule("news").await, expected("", "open"));
    assert_eq!(rule("cache-news").await, expected("cache-", "open"));
    assert_eq!(
        rule("private-cache-a").await,
        expected("private-cache-", "token")
    );
    assert_eq!(rule("private-a").await, expected("private", "token"));
    assert_eq!(rule("%23user%3A5").await, expected("", "token"));
}
