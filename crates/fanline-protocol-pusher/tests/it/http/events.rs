//! `POST /apps/{app_id}/events`.

use fanline_model::PayloadKind;
use serde_json::{Value, json};

use crate::world::{Backend, World};

#[tokio::test]
async fn c110_success_is_200_and_an_empty_object() {
    let world = World::new();
    let answer = Backend::new(&world)
        .post("events", &json!({"name": "n", "channel": "a", "data": "1"}))
        .await;
    assert_eq!((answer.status, &*answer.text), (200, "{}"));
}

#[tokio::test]
async fn c111_one_to_a_hundred_channels() {
    let world = World::new();
    let backend = Backend::new(&world);
    let names = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>();
    for channels in [
        json!({"channel": "a"}),
        json!({"channels": ["a"]}),
        json!({"channels": names(100)}),
    ] {
        let mut event = json!({"name": "n", "data": "1"});
        event
            .as_object_mut()
            .unwrap()
            .extend(channels.as_object().unwrap().clone());
        backend.post("events", &event).await.ok();
    }
    assert_eq!(world.published().len(), 102);
    for channels in [
        json!({}),
        json!({"channels": []}),
        json!({"channels": names(101)}),
    ] {
        let mut event = json!({"name": "n", "data": "1"});
        event
            .as_object_mut()
            .unwrap()
            .extend(channels.as_object().unwrap().clone());
        backend.post("events", &event).await.refused(400);
    }
    assert!(world.published().is_empty());
}

#[tokio::test]
async fn c112_a_channel_named_twice_gets_the_event_once() {
    let world = World::new();
    let event = json!({"name": "n", "channels": ["b", "a", "b"], "data": "1"});
    Backend::new(&world).post("events", &event).await.ok();
    let channels: Vec<_> = world
        .published()
        .iter()
        .map(|(channel, _)| channel.to_string())
        .collect();
    assert_eq!(channels, ["b", "a"]);
}

#[tokio::test]
async fn c113_data_has_10240_bytes_and_no_more() {
    let world = World::new();
    let backend = Backend::new(&world);
    let event = |data: &str| json!({"name": "n", "channel": "a", "data": data});
    backend
        .post("events", &event(&"x".repeat(10_240)))
        .await
        .ok();
    backend
        .post("events", &event(&"\u{1}".repeat(10_240)))
        .await
        .ok();
    backend
        .post("events", &event(&"é".repeat(5_120)))
        .await
        .ok();
    for long in ["x".repeat(10_241), "é".repeat(5_121)] {
        let answer = backend.post("events", &event(&long)).await;
        let text = "The data content of this event exceeds the allowed maximum (10240 bytes).";
        assert!(answer.refused(413).starts_with(text));
    }
}

#[tokio::test]
async fn c114_data_arrives_as_the_identical_string() {
    let world = World::new();
    let backend = Backend::new(&world);
    let mut client = world.connect().await;
    client.subscribe("a").await;
    for data in [
        "{\"m\":\"héllo 👋\"}",
        "{\"m\":\"h\\u00e9llo \\ud83d\\udc4b\"}",
        "\"str\"",
        "not JSON {",
        "",
        " 12 ",
        "1e999",
        "\"\\ud800\"",
        "line\nbreak\u{2028}\"quoted\"\\",
    ] {
        backend
            .post(
                "events",
                &json!({"name": "n", "channel": "a", "data": data}),
            )
            .await
            .ok();
        assert_eq!(client.take()[0]["data"], data);
    }
}

#[tokio::test]
async fn data_is_json_only_where_every_native_subscriber_can_read_it() {
    let world = World::new();
    let backend = Backend::new(&world);
    let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
    for (data, kind) in [
        ("{}", PayloadKind::Json),
        ("\"x\"", PayloadKind::Json),
        ("x", PayloadKind::Text),
        ("", PayloadKind::Text),
        ("1e999", PayloadKind::Text),
        ("\"\\ud800\"", PayloadKind::Text),
        (&deep, PayloadKind::Text),
    ] {
        backend
            .post(
                "events",
                &json!({"name": "n", "channel": "a", "data": data}),
            )
            .await
            .ok();
        let (_, message) = world.published().remove(0);
        assert_eq!(
            (message.draft.payload.kind, &*message.draft.payload.bytes),
            (kind, data.as_bytes())
        );
    }
}

#[tokio::test]
async fn data_that_is_no_string_is_taken_as_the_json_it_is() {
    let world = World::new();
    let body = r#"{"name":"n","channel":"a","data":{ "b":1, "a":2 }}"#;
    Backend::new(&world).post_text("events", body).await.ok();
    let (_, message) = world.published().remove(0);
    assert_eq!(&*message.draft.payload.bytes, br#"{ "b":1, "a":2 }"#);
}

#[tokio::test]
async fn c115_the_named_socket_is_left_out_and_only_that() {
    let world = World::new();
    let backend = Backend::new(&world);
    let (mut sender, mut other) = (world.connect().await, world.connect().await);
    sender.subscribe("a").await;
    other.subscribe("a").await;
    let event = |socket_id: Value| json!({"name": "n", "channel": "a", "data": "1", "socket_id": socket_id});
    backend
        .post("events", &event(json!(sender.socket_id())))
        .await
        .ok();
    assert_eq!((sender.take().len(), other.take().len()), (0, 1));
    // Ids that nobody has, also ones that we could not have given, leave nobody out.
    for unknown in [
        json!("1.2"),
        json!("007.1"),
        json!("99999999999999999999999.1"),
        json!(null),
    ] {
        backend.post("events", &event(unknown)).await.ok();
        assert_eq!((sender.take().len(), other.take().len()), (1, 1));
    }
    for bad in [
        json!(""),
        json!("1"),
        json!("1."),
        json!("a.b"),
        json!("1.2\n"),
        json!(1.2),
    ] {
        backend.post("events", &event(bad)).await.refused(400);
    }
}

#[tokio::test]
async fn c116_info_answers_what_applies_to_each_channel() {
    let world = World::new();
    let mut client = world.connect().await;
    client.subscribe("a").await;
    let event = json!({"name": "n", "channels": ["a", "presence-p"], "data": "1", "info": "user_count,subscription_count"});
    let answer = Backend::new(&world).post("events", &event).await.ok();
    let expected =
        json!({"channels": {"a": {"subscription_count": 1}, "presence-p": {"user_count": 0}}});
    assert_eq!(answer, expected);
    for bad in ["cache", "users"] {
        let event = json!({"name": "n", "channel": "a", "data": "1", "info": bad});
        Backend::new(&world)
            .post("events", &event)
            .await
            .refused(400);
    }
}

#[tokio::test]
async fn c125_whatever_the_body_is_the_answer_is_a_sentence() {
    let world = World::new();
    let backend = Backend::new(&world);
    for body in [
        "",
        "nonsense",
        "[]",
        "null",
        "12",
        r#"["n","1"]"#,
        "{}",
        r#"{"name":1,"channel":"a","data":"1"}"#,
        r#"{"name":"n","channel":1,"data":"1"}"#,
        r#"{"name":"n","channels":"a","data":"1"}"#,
        r#"{"name":"n","channels":[1],"data":"1"}"#,
        r#"{"name":"n","channel":"a"}"#,
        r#"{"name":"","channel":"a","data":"1"}"#,
        r#"{"channel":"a","data":"1"}"#,
        r#"{"name":"n","channel":"a b","data":"1"}"#,
        r#"{"name":"n","channel":"","data":"1"}"#,
        r#"{"name":"n","channel":"a","data":"1","info":5}"#,
        r#"{"name":"n","channel":"a","data":1e999}"#,
        r#"{"name":"n","channel":"a","data":"1","socket_id":{}}"#,
    ] {
        backend.post_text("events", body).await.refused(400);
    }
    let long = json!({"name": "n".repeat(201), "channel": "a", "data": "1"});
    backend.post("events", &long).await.refused(400);
    assert!(world.published().is_empty());
}

#[tokio::test]
async fn nobody_speaks_as_the_system() {
    let world = World::new();
    for name in [
        "pusher:error",
        "pusher_internal:subscription_succeeded",
        "fanline:position",
    ] {
        let event = json!({"name": name, "channel": "a", "data": "1"});
        assert!(
            Backend::new(&world)
                .post("events", &event)
                .await
                .refused(400)
                .contains("system")
        );
    }
}

#[tokio::test]
async fn c128_a_channel_without_subscribers_takes_events() {
    let world = World::new();
    let event = json!({"name": "n", "channel": "nobody-here", "data": "1"});
    Backend::new(&world).post("events", &event).await.ok();
    assert_eq!(world.published().len(), 1);
}
