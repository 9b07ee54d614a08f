//! What the in-memory reference promises beyond the port: it gives back what it no longer needs.

use std::sync::Arc;
use std::time::Duration;

use fanline_broker::memory::{MemoryLimits, Usage};
use fanline_broker::{Broker, ChannelId, Feed, Publish};
use fanline_model::{
    AppId, Channel, Draft, MessageId, Payload, Retention, StateRule, SystemRandom,
};
use fanline_testkit::contract::ear::Ear;

use crate::memory::Memory;

fn start() -> Memory {
    Memory::start(Arc::new(Ear::default()), MemoryLimits::default())
}

fn channel(app: &AppId, name: &str) -> ChannelId {
    ChannelId::new(app.clone(), Channel::parse(name).unwrap())
}

fn publish(channel: &ChannelId, id: &str, retention: Retention) -> Publish {
    Publish {
        channel: channel.clone(),
        drafts: vec![Draft::new(
            MessageId::parse(id).unwrap(),
            Payload::text("x".repeat(1_000)),
        )],
        retention,
        condition: None,
        retry: false,
        items_hash: None,
    }
}

/// Once a second for so long, as the server does.
fn run_for(memory: &Memory, seconds: u64) {
    for _ in 0..seconds {
        memory.clock.advance(Duration::from_secs(1));
        memory.broker.sweep();
    }
}

#[tokio::test]
async fn a_channel_at_rest_gives_everything_back_without_being_touched() {
    let memory = start();
    let app = AppId::generate(&SystemRandom);
    let retention = Retention {
        position_ttl: Duration::from_secs(2_000),
        state: Some(StateRule {
            ttl: Duration::from_secs(300),
            keys: 10,
        }),
        ..Retention::default()
    };
    for n in 0..50 {
        let channel = channel(&app, &format!("orders.{n}"));
        memory
            .broker
            .publish(publish(&channel, "k", retention))
            .await
            .unwrap();
    }
    let full = memory.broker.usage(&app);
    assert!(
        full.channels == 50 && full.bytes > 2 * 50 * 1_000,
        "log and last value: {full:?}"
    );
    run_for(&memory, 122);
    let values = memory.broker.usage(&app);
    assert!(
        values.bytes < full.bytes / 2 && values.bytes > 50 * 1_000,
        "last values are left: {values:?}"
    );
    run_for(&memory, 180);
    assert_eq!(
        memory.broker.usage(&app),
        Usage {
            channels: 50,
            bytes: 0
        },
        "positions are left"
    );
    run_for(&memory, 1_700);
    assert_eq!(memory.broker.usage(&app), Usage::default());
}

#[tokio::test]
async fn a_channel_that_wakes_again_and_again_is_still_forgotten_in_time() {
    let memory = start();
    let app = AppId::generate(&SystemRandom);
    let channel = channel(&app, "orders.1");
    let retention = Retention {
        position_ttl: Duration::from_secs(500),
        ..Retention::default()
    };
    for n in 0..10 {
        memory
            .broker
            .publish(publish(&channel, &format!("k:{n}"), retention))
            .await
            .unwrap();
        run_for(&memory, 122);
        assert_eq!(memory.broker.usage(&app).bytes, 0, "round {n}");
    }
    run_for(&memory, 500);
    assert_eq!(memory.broker.usage(&app), Usage::default());
}

#[tokio::test]
async fn followers_of_channels_without_a_log_leave_nothing_behind() {
    let memory = start();
    let app = AppId::generate(&SystemRandom);
    let channel = channel(&app, "typing.1");
    let retention = Retention {
        history: None,
        ..Retention::default()
    };
    memory.broker.follow(&channel, &retention).await.unwrap();
    run_for(&memory, 3_600);
    assert_eq!(memory.broker.usage(&app).channels, 1);
    memory.broker.unfollow(&channel).await;
    run_for(&memory, 2);
    assert_eq!(memory.broker.usage(&app), Usage::default());
}

#[tokio::test]
async fn the_time_of_a_position_begins_with_the_end_of_its_last_follower() {
    let memory = start();
    let app = AppId::generate(&SystemRandom);
    let channel = channel(&app, "orders.1");
    let retention = Retention {
        position_ttl: Duration::from_secs(500),
        ..Retention::default()
    };
    memory
        .broker
        .publish(publish(&channel, "k", retention))
        .await
        .unwrap();
    memory.broker.follow(&channel, &retention).await.unwrap();
    run_for(&memory, 2_000);
    memory.broker.unfollow(&channel).await;
    run_for(&memory, 499);
    assert_eq!(memory.broker.usage(&app).channels, 1);
    // Unfollowing what nobody follows prolongs nothing.
    memory.broker.unfollow(&channel).await;
    run_for(&memory, 3);
    assert_eq!(memory.broker.usage(&app), Usage::default());
}

#[tokio::test]
async fn a_channel_that_is_forgotten_at_once_gives_everything_back() {
    let memory = start();
    let app = AppId::generate(&SystemRandom);
    let channel = channel(&app, "orders.1");
    memory
        .broker
        .publish(publish(&channel, "k", Retention::default()))
        .await
        .unwrap();
    memory.broker.forget(&channel);
    assert_eq!(memory.broker.usage(&app), Usage::default());
}

#[tokio::test]
async fn publishing_to_nobody_without_a_log_opens_no_channel() {
    let memory = start();
    let app = AppId::generate(&SystemRandom);
    let retention = Retention {
        history: None,
        ..Retention::default()
    };
    let mut call = publish(&channel(&app, "typing.1"), "k", retention);
    call.drafts[0].id = MessageId::generate(&SystemRandom);
    memory.broker.publish(call).await.unwrap();
    assert_eq!(memory.broker.usage(&app), Usage::default());
}

#[tokio::test]
async fn a_rule_that_begins_to_keep_last_values_begins_with_what_the_log_still_has() {
    let memory = start();
    let channel = channel(&AppId::generate(&SystemRandom), "orders.1");
    memory
        .broker
        .publish(publish(&channel, "k:0", Retention::default()))
        .await
        .unwrap();
    memory
        .broker
        .publish(publish(&channel, "k:1", Retention::default()))
        .await
        .unwrap();
    let state = Some(StateRule {
        ttl: Duration::from_secs(300),
        keys: 10,
    });
    let retention = Retention {
        state,
        ..Retention::default()
    };
    memory.broker.follow(&channel, &retention).await.unwrap();
    let values = memory
        .broker
        .state(&channel)
        .await
        .unwrap()
        .unwrap()
        .messages;
    assert_eq!(values.len(), 1);
    assert_eq!(values[0].position.unwrap().seq, 2);
}

#[tokio::test]
async fn a_clock_that_steps_back_breaks_nothing() {
    let memory = start();
    let app = AppId::generate(&SystemRandom);
    let channel = channel(&app, "orders.1");
    let now = fanline_model::Clock::now(&*memory.clock);
    memory
        .broker
        .publish(publish(&channel, "k:0", Retention::default()))
        .await
        .unwrap();
    memory
        .clock
        .set(fanline_model::Timestamp::from_secs(now.as_secs() - 3_600));
    memory
        .broker
        .publish(publish(&channel, "k:1", Retention::default()))
        .await
        .unwrap();
    memory.broker.sweep();
    let head = memory.broker.head(&channel).await.unwrap().unwrap();
    assert_eq!((head.position.seq, head.evicted_through), (2, 0));
    run_for(&memory, 3_600 + 122);
    assert_eq!(memory.broker.usage(&app).bytes, 0);
}

/// The feed is called in order although many threads publish, and never twice at once for a channel.
#[test]
fn threads_that_publish_at_once_are_heard_in_order() {
    #[derive(Default)]
    struct Strict {
        busy: std::sync::atomic::AtomicBool,
        last: std::sync::atomic::AtomicU64,
    }
    impl Feed for Strict {
        fn message(&self, _: &ChannelId, message: Arc<fanline_model::Message>) {
            use std::sync::atomic::Ordering::SeqCst;
            assert!(
                !self.busy.swap(true, SeqCst),
                "calls for one channel overlap"
            );
            let seq = message.position.unwrap().seq;
            assert_eq!(self.last.swap(seq, SeqCst) + 1, seq);
            self.busy.store(false, SeqCst);
        }
        fn presence(&self, _: &ChannelId, _: fanline_broker::PresenceChange) {}
        fn disrupted(&self, _: &ChannelId) {}
    }
    let feed = Arc::new(Strict::default());
    let memory = Memory::start(Arc::clone(&feed) as _, MemoryLimits::default());
    let channel = channel(&AppId::generate(&SystemRandom), "orders.1");
    let block_on = |future| {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    };
    block_on(memory.broker.follow(&channel, &Retention::default())).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (memory, channel) = (&memory, &channel);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                for n in 0..500 {
                    let call = publish(channel, &format!("{thread}:{n}"), Retention::default());
                    runtime.block_on(memory.broker.publish(call)).unwrap();
                }
            });
        }
    });
    assert_eq!(feed.last.load(std::sync::atomic::Ordering::SeqCst), 2_000);
}
