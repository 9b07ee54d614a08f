//! A publisher who was not answered, and publishes again.

use fanline_broker::Outcome;
use fanline_model::{Channel, Payload};
use fanline_protocol::{Caller, Item, PublishBatch, PublishCall, Published, Realtime};
use fanline_tenancy::{AppRef, Proof};
use fanline_testkit::engine_world::World;
use serde_json::json;

async fn publish(realtime: &dyn Realtime, caller: &Caller, item: Item) -> Published {
    let call = PublishCall {
        channel: Channel::parse("room").unwrap(),
        items: vec![item],
        condition: None,
        exclude: None,
    };
    let batch = PublishBatch {
        calls: vec![call],
        ..PublishBatch::default()
    };
    let results = realtime.publish(caller, batch).await.unwrap();
    results.into_iter().flatten().flatten().next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_names_an_id_that_the_server_made_publishes_it_once_though_nothing_says_that_it_is_a_retry()
 {
    let world = World::new();
    let realtime = world.engine.realtime();
    let token = world.token(&json!({}));
    let caller = realtime
        .authenticate(&AppRef::Key("shop".into()), &Proof::Token(token.into()))
        .await
        .unwrap();
    let item = Item::new(Payload::text("once"));
    let first = publish(&*realtime, &caller, item.clone()).await;
    let Outcome::Appended { position } = first.outcome else {
        panic!("{first:?}");
    };
    let again = Item {
        id: Some(first.id.clone()),
        ..item
    };
    let second = publish(&*realtime, &caller, again).await;
    assert_eq!(second.id, first.id);
    assert_eq!(second.outcome, Outcome::Duplicate { position });
}
