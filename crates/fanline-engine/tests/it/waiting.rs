//! A broker that answers late, and who is still owed something meanwhile.

use fanline_tenancy::Access;
use fanline_testkit::engine_world::{AppPlan, Caller, World, pass, settle};
use fanline_testkit::stub_guest::{Ask, Said, Verdict};

#[tokio::test(start_paused = true)]
async fn a_subscription_is_refused_for_now_when_the_broker_does_not_answer_within_five_seconds() {
    let world = World::new();
    let mut ann = world.guest().await;
    world.gate.set(false);
    ann.ask(&Ask::attach("room", None, "late"));
    pass(4).await;
    assert_eq!(ann.heard(), []);
    pass(2).await;
    let [
        Said::Refused {
            code,
            retry_after_ms,
            tag,
            ..
        },
    ] = &ann.heard()[..]
    else {
        panic!("one answer and no more");
    };
    assert_eq!(code, "unavailable");
    assert!(retry_after_ms.is_some());
    assert_eq!(tag.as_deref(), Some("late"));
    world.gate.set(true);
    ann.model.loses_its_line();
    assert!(matches!(ann.attach("room").await, Said::Attached { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_taken_away_before_it_stands_is_answered_once() {
    let plan = AppPlan::default();
    let world = World::of(plan.clone());
    let mut ann = world.guest().await;
    world.gate.set(false);
    ann.ask(&Ask::attach("room", None, "pending"));
    settle().await;
    world.change(&plan.with_rule("", |rule| rule.access = Access::Token));
    pass(2).await;
    world.gate.set(true);
    pass(2).await;
    let heard = ann.heard();
    let answers = heard
        .iter()
        .filter(|said| said.tag() == Some("pending"))
        .count();
    assert_eq!(answers, 1, "{heard:?}");
    assert!(
        !heard
            .iter()
            .any(|said| matches!(said, Said::Attached { .. }))
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_while_a_hole_is_healed_leaves_nobody_deaf() {
    let world = World::new();
    let mut ann = world.guest().await;
    let bob = world.guest().await;
    ann.attach("room").await;
    world.publish("room", "one").await;
    ann.texts(1).await;
    world.broker.lose_next(&world.channel("room"), 1);
    world.publish("room", "two").await;
    // Bob knows more than the node: his subscription asks the log, and heals the hole. Then he goes.
    let mut knows = ann.model.standing("room").unwrap().position.unwrap();
    knows.1 += 1;
    world.gate.let_through(1);
    bob.ask(&Ask::attach("room", Some(knows), "ahead"));
    settle().await;
    bob.wire.break_off();
    settle().await;
    world.gate.set(true);
    world.publish("room", "three").await;
    pass(3).await;
    assert_eq!(ann.texts(2).await, ["two", "three"]);
}

/// A world whose clients may have little waiting for them, and a client that stands in the middle of a
/// backlog longer than what the node keeps in memory, its socket full.
async fn stalled_in_a_backlog(plan: AppPlan) -> (World, Caller) {
    let world = World::of(plan.with_limits(|limits| limits.outbox_bytes = 4_000));
    let mut ann = world.guest().await;
    ann.attach("room").await;
    world.publish("room", "held").await;
    settle().await;
    ann.heard();
    ann.wire.break_off();
    settle().await;
    for n in 0..600 {
        world
            .publish("room", &format!("{n} {}", "x".repeat(300)))
            .await;
    }
    world.redial(&mut ann);
    ann.hello(None).await;
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
    (world, ann)
}

fn is_lost(said: &Said) -> bool {
    matches!(
        said,
        Said::Continuity {
            verdict: Verdict::TooOld | Verdict::Diverged | Verdict::UnknownEpoch,
            ..
        }
    )
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_while_a_hole_cannot_be_healed_and_loses_nothing() {
    let (world, mut ann) = stalled_in_a_backlog(AppPlan::default()).await;
    world.gate.take_logs_away(true);
    ann.wire.flow();
    let before = world.gate.reads();
    pass(10).await;
    let reads = world.gate.reads() - before;
    assert!((1..100).contains(&reads), "{reads} reads in ten seconds");
    world.gate.take_logs_away(false);
    world.publish("room", "new").await;
    // The model client fails the test at any gap; nothing may be called lost either.
    ann.until(|said| {
        assert!(!is_lost(said), "{said:?}");
        matches!(said, Said::Message { text, .. } if text == "new")
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_is_behind_in_a_channel_that_keeps_no_log_any_more_is_told() {
    let plan = AppPlan::default();
    let (world, mut ann) = stalled_in_a_backlog(plan.clone()).await;
    world.change(&plan.with_rule("", |rule| rule.retention.history = None));
    world.publish("room", "unlogged").await;
    pass(3).await;
    ann.wire.flow();
    ann.until(is_lost).await;
    world.publish("room", "new").await;
    ann.until(|said| matches!(said, Said::Message { text, .. } if text == "new"))
        .await;
}

#[tokio::test(start_paused = true)]
async fn no_silence_is_held_against_a_client_whose_publish_is_not_answered() {
    let world = World::new();
    let mut ann = world.user("ann").await;
    world.gate.set(false);
    ann.ask(&Ask::publish("room", &["slow"], "publish"));
    pass(120).await;
    world.gate.set(true);
    assert!(matches!(
        ann.answer("publish").await,
        Said::Published { .. }
    ));
    pass(5).await;
    assert!(!ann.wire.ended());
}

#[tokio::test(start_paused = true)]
async fn sessions_are_swept_while_the_broker_does_not_answer() {
    let world = World::new();
    let mut ann = world.guest().await;
    ann.attach("room").await;
    world.gate.set(false);
    // Long enough for the comparison of heads to wait at the gate.
    pass(4).await;
    let mut silent = world.dial();
    pass(12).await;
    let ending = silent
        .until(|said| matches!(said, Said::Ending { .. }))
        .await;
    assert!(
        matches!(&ending, Said::Ending { reason, .. } if reason == "connect_timeout"),
        "{ending:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn of_two_holders_of_a_connection_id_the_newest_holds_the_presence_lease() {
    let world = World::new();
    let mut old = world.user("ann").await;
    old.ask(&Ask::Enter("room".to_owned(), Some("enter".to_owned())));
    old.answer("enter").await;
    let mut new = world.dial();
    new.key.clone_from(&old.key);
    let token = world.token(&serde_json::json!({ "sub": "ann" }));
    new.hello(Some(token)).await;
    assert_eq!(new.connection, old.connection);
    new.ask(&Ask::Enter("room".to_owned(), Some("enter".to_owned())));
    new.answer("enter").await;
    old.wire.close();
    old.wire.end().await;
    for _ in 0..3 {
        // Longer than a lease stands by itself; the clients answer what asks for a sign of life.
        pass(10).await;
        new.ask(&Ask::Alive);
    }
    new.ask(&Ask::Roster("room".to_owned(), 10, Some("who".to_owned())));
    assert!(matches!(
        new.answer("who").await,
        Said::Members { total: 1, .. }
    ));
}
