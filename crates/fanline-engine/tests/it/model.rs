//! Single stories of loss, each with one cause, told to clients that follow PROTOCOL's table.

use fanline_model::History;
use fanline_testkit::engine_world::{AppPlan, Caller, World, pass, settle};
use fanline_testkit::stub_guest::{Said, Verdict};

/// The texts of the messages in what was heard, in order.
fn texts(heard: &[Said]) -> Vec<&str> {
    heard
        .iter()
        .filter_map(|said| match said {
            Said::Message { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

async fn listener(world: &World) -> Caller {
    let mut caller = world.guest().await;
    caller.attach("room").await;
    settle().await;
    caller.heard();
    caller
}

#[tokio::test(start_paused = true)]
async fn the_comparison_of_heads_delivers_a_lost_last_message() {
    let world = World::new();
    let mut ann = listener(&world).await;
    world.broker.lose_next(&world.channel("room"), 1);
    world.publish("room", "last").await;
    settle().await;
    assert_eq!(texts(&ann.heard()), [""; 0], "the message was not lost");
    pass(6).await;
    assert_eq!(texts(&ann.heard()), ["last"]);
}

#[tokio::test(start_paused = true)]
async fn a_hole_is_closed_in_order_for_everybody_who_listens() {
    let world = World::new();
    let mut callers = Vec::new();
    for _ in 0..20 {
        callers.push(listener(&world).await);
    }
    world.broker.lose_next(&world.channel("room"), 2);
    for text in ["one", "two", "three"] {
        world.publish("room", text).await;
    }
    settle().await;
    for caller in &mut callers {
        assert_eq!(texts(&caller.heard()), ["one", "two", "three"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_trimmed_away_under_a_slow_reader_is_lost_and_never_a_jump() {
    /// More than a node keeps in memory, so that the reader needs the log.
    const KEPT: usize = 600;
    let plan = AppPlan::default()
        .with_rule("room", |rule| {
            rule.retention.history = Some(History {
                messages: KEPT,
                ..History::default()
            });
        })
        .with_limits(|limits| limits.outbox_bytes = 4_000);
    let world = World::of(plan);
    let mut ann = listener(&world).await;
    world.publish("room", "held").await;
    settle().await;
    ann.heard();
    ann.wire.break_off();
    settle().await;
    for n in 0..KEPT {
        world
            .publish("room", &format!("{n} {}", "x".repeat(300)))
            .await;
    }
    world.redial(&mut ann);
    ann.hello(None).await;
    // Room for the answer, and for nothing after it.
    ann.wire.stall();
    ann.wire.drain(1);
    assert!(matches!(
        ann.attach("room").await,
        Said::Attached {
            verdict: Verdict::Kept,
            ..
        }
    ));
    settle().await;
    // The reader stands in the middle, and nothing of what it needs next is left.
    let head = world.publish("room", "new").await.unwrap();
    world.broker.evict(&world.channel("room"), head.seq);
    pass(6).await;
    ann.wire.flow();
    pass(6).await;
    let after = ann.heard();
    let lost = after.iter().any(|said| {
        matches!(
            said,
            Said::Continuity {
                verdict: Verdict::TooOld,
                ..
            }
        )
    });
    // The model client has failed the test already if a seq was passed over without a word.
    assert!(lost, "no word of loss");
    assert!(
        texts(&after).len() < KEPT,
        "the outbox held more than its limit"
    );
    assert_eq!(
        ann.model
            .standing("room")
            .unwrap()
            .position
            .map(|place| place.1),
        Some(head.seq)
    );
}

#[tokio::test(start_paused = true)]
async fn a_backlog_larger_than_the_outbox_arrives_whole() {
    const MESSAGES: usize = 150;
    let world = World::of(AppPlan::default().with_limits(|limits| limits.outbox_bytes = 4_000));
    let mut ann = listener(&world).await;
    world.publish("room", "held").await;
    settle().await;
    ann.heard();
    ann.wire.break_off();
    settle().await;
    let sent: Vec<_> = (0..MESSAGES)
        .map(|n| format!("{n} {}", "x".repeat(300)))
        .collect();
    for text in &sent {
        world.publish("room", text).await;
    }
    world.redial(&mut ann);
    ann.hello(None).await;
    ann.attach("room").await;
    assert_eq!(ann.texts(MESSAGES).await, sent);
    settle().await;
    assert!(!ann.model.standing("room").unwrap().is_behind());
}
