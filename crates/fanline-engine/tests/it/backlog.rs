//! Readers that are far behind, slow, or in each other's way.

use std::time::Duration;

use fanline_broker::PageLimit;
use fanline_model::History;
use fanline_tenancy::Access;
use fanline_testkit::engine_world::{AppPlan, Caller, World, pass, settle};
use fanline_testkit::stub_guest::{Ask, Said};

/// An app whose channels keep 64 MiB, with an outbox of so many bytes.
fn deep(outbox: usize) -> AppPlan {
    let history = History {
        messages: 100_000,
        bytes: 64 * 1024 * 1024,
        window: Duration::from_secs(3_600),
    };
    AppPlan::default()
        .with_rule("deep", |rule| rule.retention.history = Some(history))
        .with_limits(|limits| limits.outbox_bytes = outbox)
}

/// Somebody who was there before `count` messages of `bytes` were published, and comes back after.
async fn behind(world: &World, count: usize, bytes: usize) -> Caller {
    let mut caller = world.guest().await;
    caller.attach("deep").await;
    world.publish("deep", "first").await;
    caller.texts(1).await;
    caller.wire.close();
    caller.wire.end().await;
    let text = "x".repeat(bytes);
    for _ in 0..count {
        world.publish("deep", &text).await;
    }
    world.redial(&mut caller);
    caller.hello(None).await;
    caller
}

fn seq(said: &Said) -> Option<u64> {
    match said {
        Said::Message { place, .. } => place.map(|(_, seq)| seq),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_megabytes_behind_arrive_whole_and_in_order_through_an_outbox_of_one() {
    const COUNT: usize = 1_000;
    const BYTES: usize = 50 * 1024;
    let world = World::of(deep(1024 * 1024));
    let mut ann = behind(&world, COUNT, BYTES).await;
    ann.wire.stall();
    let since = ann.model.subscribes("deep");
    ann.ask(&Ask::attach("deep", since, "attach"));
    let mut seqs = Vec::new();
    let mut caught_up = 0;
    for _ in 0..20_000 {
        ann.wire.drain(BYTES);
        settle().await;
        for said in ann.heard() {
            seqs.extend(seq(&said));
            caught_up += usize::from(matches!(said, Said::CaughtUp { .. }));
        }
        if caught_up > 0 {
            break;
        }
    }
    let whole: Vec<u64> = (2..=COUNT as u64 + 1).collect();
    assert_eq!(seqs, whole);
    assert_eq!(caught_up, 1);
    assert!(!ann.wire.ended(), "it was never closed");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_drain_is_handed_no_more_than_its_outbox_holds() {
    const OUTBOX: usize = 64 * 1024;
    let world = World::of(deep(OUTBOX));
    let mut ann = behind(&world, 2_000, 1_000).await;
    ann.wire.stall();
    let since = ann.model.subscribes("deep");
    let before = world.engine.stats().frames;
    ann.ask(&Ask::attach("deep", since, "attach"));
    for _ in 0..50 {
        settle().await;
    }
    assert_eq!(world.engine.stats().frames, before, "the socket is full");
    // All that waits for it goes out at once, and not a page more, because the log is gone by now.
    world.broker.evict(&world.channel("deep"), 2_001);
    ann.wire.flow();
    settle().await;
    let heard = ann.heard();
    let waited: usize = heard.iter().filter_map(seq).count() * 1_000;
    assert!(waited > 0 && waited <= OUTBOX, "{waited} bytes waited");
}

#[tokio::test(start_paused = true)]
async fn a_reader_far_behind_does_not_starve_its_neighbours() {
    let world = World::of(deep(1024 * 1024));
    let mut bob = world.guest().await;
    let mut ann = behind(&world, 1_000, 20_000).await;
    let since = ann.model.subscribes("deep");
    ann.ask(&Ask::attach("deep", since, "attach"));
    // In a task like theirs: the runtime looks at a test's own future more rarely than at tasks.
    let wire = ann.wire.clone();
    let neighbour = tokio::spawn(async move {
        bob.ask(&Ask::Alive);
        bob.until(|said| matches!(said, Said::Idle)).await;
        wire.sent_bytes()
    });
    let done = neighbour.await.unwrap();
    assert!(
        done < 4 * 1024 * 1024,
        "bob was answered after {done} bytes of the neighbour's twenty million"
    );
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_an_ended_subscription_does_not_stop_the_others() {
    let plan = deep(4 * 1024 * 1024);
    let world = World::of(plan.clone());
    let mut ann = behind(&world, 1_000, 1_000).await;
    ann.attach("other").await;
    ann.wire.stall();
    let since = ann.model.subscribes("deep");
    ann.ask(&Ask::attach("deep", since, "attach"));
    settle().await;
    // The server takes the channel away while a heap of it waits for a full socket.
    world.change(&plan.with_rule("deep", |rule| rule.access = Access::Token));
    pass(1).await;
    world
        .publish("other", "behind a heap that is nobody's")
        .await;
    ann.wire.flow();
    settle().await;
    let heard = ann.heard();
    assert!(matches!(heard.last(), Some(Said::Message { channel, .. }) if channel == "other"));
    assert!(
        heard.len() < 500,
        "{} frames of what was taken away",
        heard.len()
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_is_never_smaller_than_a_message() {
    let world = World::of(deep(100));
    let mut ann = behind(&world, 20, 5_000).await;
    ann.attach("deep").await;
    ann.until(|said| matches!(said, Said::CaughtUp { .. }))
        .await;
    assert_eq!(ann.model.standing("deep").unwrap().position.unwrap().1, 21);
    let page = PageLimit {
        messages: 1,
        bytes: 1,
    };
    let read = fanline_broker::Broker::read(&*world.broker, &world.channel("deep"), 0, page).await;
    assert_eq!(read.unwrap().unwrap().messages.len(), 1);
}
