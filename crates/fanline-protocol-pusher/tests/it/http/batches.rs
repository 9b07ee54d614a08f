//! `POST /apps/{app_id}/batch_events`.

use serde_json::{Value, json};

use crate::world::{Backend, World};

fn batch(count: usize) -> Value {
    let events: Vec<_> = (0..count)
        .map(|n| json!({"name": "n", "channel": "a", "data": n.to_string()}))
        .collect();
    json!({ "batch": events })
}

#[tokio::test]
async fn c117_ten_events_keep_their_order_and_eleven_are_refused() {
    let world = World::new();
    let backend = Backend::new(&world);
    let mut client = world.connect().await;
    client.subscribe("a").await;
    assert_eq!(backend.post("batch_events", &batch(10)).await.text, "{}");
    let data: Vec<_> = client
        .take()
        .iter()
        .map(|frame| frame["data"].clone())
        .collect();
    assert_eq!(
        data,
        (0..10).map(|n| json!(n.to_string())).collect::<Vec<_>>()
    );
    for bad in [
        batch(0),
        batch(11),
        json!({}),
        json!({"batch": {}}),
        json!({"batch": [1]}),
    ] {
        backend.post("batch_events", &bad).await.refused(400);
    }
}

#[tokio::test]
async fn c117_each_event_leaves_out_its_own_socket_and_order_stays() {
    let world = World::new();
    let mut client = world.connect().await;
    client.subscribe("a").await;
    let id = client.socket_id();
    let batch = json!({"batch": [
        {"name": "1", "channel": "a", "data": ""},
        {"name": "2", "channel": "a", "data": "", "socket_id": id},
        {"name": "3", "channel": "b", "data": ""},
        {"name": "4", "channel": "a", "data": ""},
    ]});
    Backend::new(&world).post("batch_events", &batch).await.ok();
    let seen: Vec<_> = client
        .take()
        .iter()
        .map(|frame| frame["event"].clone())
        .collect();
    assert_eq!(seen, ["1", "4"]);
    let of_a = world
        .published()
        .into_iter()
        .filter(|(channel, _)| channel.to_string() == "a");
    let names: Vec<_> = of_a
        .map(|(_, message)| message.draft.name.unwrap())
        .collect();
    assert_eq!(
        names.iter().map(|name| &**name).collect::<Vec<_>>(),
        ["1", "2", "4"]
    );
}

#[tokio::test]
async fn c118_info_is_answered_by_an_array_of_one_entry_per_event() {
    let world = World::new();
    let mut client = world.connect().await;
    client.subscribe("a").await;
    let batch = json!({"batch": [
        {"name": "n", "channel": "presence-p", "data": "", "info": "user_count"},
        {"name": "n", "channel": "b", "data": ""},
        {"name": "n", "channel": "a", "data": "", "info": "subscription_count"},
    ]});
    let answer = Backend::new(&world).post("batch_events", &batch).await.ok();
    assert_eq!(
        answer,
        json!({"batch": [{"user_count": 0}, {}, {"subscription_count": 1}]})
    );
}

#[tokio::test]
async fn c119_one_bad_event_and_nothing_is_delivered() {
    let world = World::new();
    let good = json!({"name": "n", "channel": "a", "data": "1"});
    for (bad, status) in [
        (json!({"name": "n", "channel": "a b", "data": "1"}), 400),
        (
            json!({"name": "pusher:x", "channel": "a", "data": "1"}),
            400,
        ),
        (
            json!({"name": "n", "channel": "a", "data": "1", "socket_id": "x"}),
            400,
        ),
        (
            json!({"name": "n", "channel": "private-encrypted-a", "data": "1"}),
            400,
        ),
        (
            json!({"name": "n", "channel": "a", "data": "1", "info": "x"}),
            400,
        ),
        (
            json!({"name": "n", "channel": "#server-to-user-5", "data": "1"}),
            501,
        ),
        (
            json!({"name": "n", "channel": "a", "data": "x".repeat(10_241)}),
            413,
        ),
    ] {
        let batch = json!({"batch": [good, bad]});
        Backend::new(&world)
            .post("batch_events", &batch)
            .await
            .refused(status);
        assert!(world.published().is_empty());
    }
}
