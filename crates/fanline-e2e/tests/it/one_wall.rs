//! One wall: protocol × transport × credential × access rule. No protocol reads or writes what another
//! refuses.

use fanline_e2e::{Native, PusherSocket, Server, channel_auth, claims, token};
use serde_json::{Value, json};

/// A channel of each kind of rule.
const CHANNELS: [&str; 6] = [
    "news",
    "orders.1",
    "private-a",
    "presence-a",
    "#user:ann",
    "#user:bob",
];

/// Who may do what, by hand, from the rights in the tenancy rules: per credential one cell a channel, in the
/// order of [`CHANNELS`]. S subscribe, P publish, E publish ephemerally, H history, I inspect.
const TABLE: [(Credential, [&str; 6]); 8] = [
    (Credential::Anonymous, ["S", "", "", "", "", ""]),
    (Credential::TokenElsewhere, ["S", "", "", "", "S", ""]),
    (
        Credential::TokenSubscribe,
        ["SI", "SI", "SI", "SI", "S", ""],
    ),
    (Credential::TokenPublish, ["SPE", "PE", "PE", "PE", "S", ""]),
    (Credential::TokenHistory, ["SH", "H", "H", "H", "S", ""]),
    // `*` covers every named channel and no user channel; a user's own is read by subject alone.
    (
        Credential::TokenStar,
        ["SPEHI", "SPEHI", "SPEHI", "SPEHI", "S", ""],
    ),
    // A backend writes to users and never reads as one.
    (
        Credential::ApiKey,
        ["SPEHI", "SPEHI", "SPEHI", "SPEHI", "P", "P"],
    ),
    (Credential::Forged, ["", "", "", "", "", ""]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Credential {
    Anonymous,
    /// A token of ann's that covers another channel.
    TokenElsewhere,
    TokenSubscribe,
    TokenPublish,
    TokenHistory,
    TokenStar,
    ApiKey,
    /// A token signed with another secret.
    Forged,
}

async fn server() -> Server {
    let server = Server::start();
    let path = format!("/admin/v1/apps/{}/namespaces/orders.", server.info.app_id);
    let answer = server
        .admin("PUT", &path, Some(&json!({"access": "token"})))
        .await;
    assert!(answer.status.is_success(), "{answer:?}");
    server
}

impl Credential {
    fn bearer(self, server: &Server) -> Option<String> {
        let named: Vec<&str> = CHANNELS[..4].to_vec();
        let on_named = |words: &[&str]| -> Value {
            named
                .iter()
                .map(|channel| ((*channel).to_owned(), json!(words)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let sign =
            |capabilities: Value| token(&server.info.signing_key, &claims("ann", &capabilities));
        match self {
            Self::Anonymous => None,
            Self::TokenElsewhere => Some(sign(
                json!({"elsewhere": ["subscribe", "publish", "history"]}),
            )),
            Self::TokenSubscribe => Some(sign(on_named(&["subscribe"]))),
            Self::TokenPublish => Some(sign(on_named(&["publish"]))),
            Self::TokenHistory => Some(sign(on_named(&["history"]))),
            Self::TokenStar => Some(sign(
                json!({"*": ["subscribe", "publish", "history", "presence"]}),
            )),
            Self::ApiKey => Some(server.info.api_key.clone()),
            Self::Forged => {
                let mut key = server.info.signing_key.clone();
                key.secret = key.secret.chars().rev().collect();
                Some(token(
                    &key,
                    &claims("ann", &json!({"*": ["subscribe", "publish", "history"]})),
                ))
            }
        }
    }
}

#[tokio::test]
async fn the_native_socket_follows_the_table() {
    let server = server().await;
    for (credential, cells) in TABLE {
        let bearer = credential.bearer(&server);
        for (channel, allowed) in CHANNELS.into_iter().zip(cells) {
            let mut client = Native::open(&server).await;
            let mut connect = json!({"type": "connect", "app": server.info.pusher.key});
            if let Some(bearer) = &bearer {
                connect["token"] = bearer.as_str().into();
            }
            client.send(&connect).await;
            if credential == Credential::Forged {
                assert_eq!(client.until_close().await.0, 4010);
                continue;
            }
            client.next_of("connected").await;
            let answer = client.subscribe(channel, None).await;
            check(
                credential,
                channel,
                allowed,
                'S',
                answer["type"] == "subscribed",
                &answer,
            );
            for (action, ephemeral) in [('P', false), ('E', true)] {
                // What an API key may write to a user it writes over HTTP and sockets alike, logged.
                if channel.starts_with('#') && ephemeral {
                    continue;
                }
                let frame = json!({"type": "publish", "id": action.to_string(), "channel": channel, "data": 1, "ephemeral": ephemeral});
                client.send(&frame).await;
                let answer = loop {
                    let answer = client.next().await;
                    if answer["id"] == frame["id"] && answer["type"] != "message" {
                        break answer;
                    }
                };
                check(
                    credential,
                    channel,
                    allowed,
                    action,
                    answer["type"] == "published",
                    &answer,
                );
            }
        }
    }
}

#[tokio::test]
async fn the_native_http_api_follows_the_table() {
    let server = server().await;
    let app = &server.info.pusher.key;
    for (credential, cells) in TABLE {
        let bearer = credential.bearer(&server);
        let bearer = bearer.as_deref();
        for (channel, allowed) in CHANNELS.into_iter().zip(cells) {
            let (body, ephemeral) = (json!({"data": 1}), json!({"data": 1, "ephemeral": true}));
            let path = match channel.strip_prefix("#user:") {
                Some(user) => format!("/v1/users/{user}/messages"),
                None => format!("/v1/channels/{channel}/messages"),
            };
            let mut calls = vec![('P', "POST", format!("{path}?app={app}"), Some(&body))];
            if !channel.starts_with('#') {
                calls.push(('E', "POST", format!("{path}?app={app}"), Some(&ephemeral)));
                calls.push(('H', "GET", format!("{path}?app={app}"), None));
                calls.push((
                    'I',
                    "GET",
                    format!("/v1/channels/{channel}?app={app}"),
                    None,
                ));
            }
            for (action, method, path, body) in calls {
                let answer = server.api(method, &path, bearer, body).await;
                let status = answer.status.as_u16();
                assert!(
                    matches!(status, 200 | 201 | 401 | 403),
                    "{method} {path}: {answer:?}"
                );
                let answer = json!({"status": status, "text": answer.text});
                check(credential, channel, allowed, action, status < 300, &answer);
            }
        }
    }
}

#[tokio::test]
async fn the_pusher_socket_reads_and_writes_nothing_that_the_table_refuses() {
    let server = server().await;
    let pusher_name = |channel: &str| channel.replace("#user:", "#server-to-user-");
    for (channel, allowed) in CHANNELS.into_iter().zip(TABLE[0].1) {
        let name = pusher_name(channel);
        let mut client = PusherSocket::connect(&server).await;
        let subscribed = client.subscribe(&name, None).await;
        check(
            Credential::Anonymous,
            channel,
            allowed,
            'S',
            subscribed,
            &json!("pusher, no signature"),
        );

        // The signature of another socket, of another channel, and one that is cut short.
        for auth in [
            channel_auth(&server.info.pusher, "1.2", &name),
            channel_auth(&server.info.pusher, &client.id, "private-other"),
            channel_auth(&server.info.pusher, &client.id, &name)[..40].to_owned(),
        ] {
            let mut client = PusherSocket::connect(&server).await;
            let subscribed = client.subscribe(&name, Some(&auth)).await;
            check(
                Credential::Anonymous,
                channel,
                allowed,
                'S',
                subscribed,
                &json!(auth),
            );
        }
    }
    // A right signature is a proof of exactly that channel: subscribe, and client events.
    let mut one = PusherSocket::connect(&server).await;
    let mut two = PusherSocket::connect(&server).await;
    for client in [&mut one, &mut two] {
        let auth = channel_auth(&server.info.pusher, &client.id, "private-a");
        assert!(client.subscribe("private-a", Some(&auth)).await);
    }
    one.send(&json!({"event": "client-hello", "channel": "private-b", "data": {"to": "b"}}))
        .await;
    one.send(&json!({"event": "client-hello", "channel": "private-a", "data": {"to": "a"}}))
        .await;
    let event = two.next_event().await;
    assert_eq!(
        (&event["event"], &event["data"]),
        (&json!("client-hello"), &json!({"to": "a"}))
    );
}

#[tokio::test]
async fn an_open_channel_takes_no_client_events_and_the_rule_binds_pusher_too() {
    let server = server().await;
    let mut client = PusherSocket::connect(&server).await;
    assert!(client.subscribe("news", None).await);
    client
        .send(&json!({"event": "client-hello", "channel": "news", "data": {}}))
        .await;
    let answer = client.next().await;
    assert_eq!(answer["event"], "pusher:error", "{answer}");
    assert!(
        !client.subscribe("orders.1", None).await,
        "a token rule closes a plain name for Pusher as well"
    );
}

#[tokio::test]
async fn the_pusher_api_refuses_whoever_does_not_sign() {
    let server = server().await;
    let path = format!("/apps/{}/events", server.info.pusher.app_id);
    let body = json!({"name": "x", "channel": "news", "data": "1"}).to_string();
    let mut forged = server.info.pusher.clone();
    forged.secret = "0".repeat(20);
    for target in [
        path.clone(),
        fanline_e2e::sign(&forged, "POST", &path, &[], &body),
    ] {
        let answer = server
            .api(
                "POST",
                &target,
                None,
                Some(&serde_json::from_str(&body).unwrap()),
            )
            .await;
        assert_eq!(answer.status, 401, "{answer:?}");
    }
    let other_app = fanline_e2e::sign(
        &server.info.pusher,
        "POST",
        "/apps/999999/events",
        &[],
        &body,
    );
    let answer = server
        .api(
            "POST",
            &other_app,
            None,
            Some(&serde_json::from_str(&body).unwrap()),
        )
        .await;
    assert!(matches!(answer.status.as_u16(), 401 | 404), "{answer:?}");
}

fn check(
    credential: Credential,
    channel: &str,
    allowed: &str,
    action: char,
    done: bool,
    answer: &Value,
) {
    assert_eq!(
        allowed.contains(action),
        done,
        "{credential:?} {action} {channel}: {answer}"
    );
}
