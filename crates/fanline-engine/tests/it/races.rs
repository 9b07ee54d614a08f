//! What happens when two things happen at once, or in the wrong order, or not at all.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fanline_tenancy::Access;
use fanline_testkit::engine_world::{AppPlan, Caller, World, pass, settle};
use fanline_testkit::stub_guest::{Ask, Said, Verdict};
use serde_json::json;

use crate::guest::bundle;

fn tag(tag: &str) -> Option<String> {
    Some(tag.to_owned())
}

fn hello(token: Option<String>, name: &str) -> Ask {
    Ask::Hello {
        app: "shop".to_owned(),
        token,
        key: None,
        tag: tag(name),
    }
}

/// The reason with which the server ends the connection.
async fn ending(caller: &mut Caller) -> String {
    match caller
        .until(|said| matches!(said, Said::Ending { .. }))
        .await
    {
        Said::Ending { reason, .. } => reason,
        other => panic!("not an ending: {other:?}"),
    }
}

fn detached(said: &Said, name: &str, why: &str) -> bool {
    matches!(said, Said::Detached { channel, reason, .. } if channel == name && reason == why)
}

fn code(said: &Said) -> &str {
    match said {
        Said::Refused { code, .. } => code,
        _ => "not refused",
    }
}

async fn roster(caller: &mut Caller, channel: &str) -> usize {
    caller.ask(&Ask::Roster(channel.to_owned(), 100, tag("roster")));
    match caller.answer("roster").await {
        Said::Members { total, .. } => total,
        other => panic!("no roster: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_pending_connect_holds_what_follows() {
    let world = World::new();
    let mut ann = world.dial();
    let token = world.token(&json!({ "sub": "ann" }));
    ann.ask(&hello(Some(token), "hello"));
    ann.ask(&Ask::attach("private-room", None, "attach"));
    ann.ask(&Ask::publish("private-room", &["one"], "publish"));
    assert!(matches!(ann.next().await, Said::Opened { .. }));
    assert!(matches!(ann.answer("attach").await, Said::Attached { .. }));
    assert_eq!(ann.texts(1).await, ["one"]);
}

#[tokio::test(start_paused = true)]
async fn the_channels_of_a_token_do_not_override_positions_of_the_same_frame() {
    let world = World::new();
    let mut ann = world.user("ann").await;
    ann.attach("room").await;
    world.publish("room", "one").await;
    assert_eq!(ann.texts(1).await, ["one"]);
    ann.wire.break_off();
    world.publish("room", "two").await;
    ann.model.loses_its_line();
    bundle::redial(&world, &mut ann);
    let token = world.token(&json!({ "sub": "ann", "channels": ["room", "other"] }));
    let since = ann.model.subscribes("room");
    assert!(since.is_some());
    let asks = [
        hello(Some(token), "hello"),
        Ask::attach("room", since, "attach"),
    ];
    ann.wire.send(bundle::frame(&asks));
    assert_eq!(
        ann.texts(1).await,
        ["two"],
        "kept from the position that was named"
    );
    settle().await;
    world.publish("other", "three").await;
    assert_eq!(
        ann.texts(1).await,
        ["three"],
        "the token's other channel is subscribed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refresh_takes_away_what_is_no_longer_allowed() {
    let world = World::new();
    let mut ann = world.user("ann").await;
    ann.attach("private-a").await;
    ann.attach("private-b").await;
    let less = json!({ "sub": "ann", "capabilities": { "private-a": ["subscribe"] } });
    ann.ask(&hello(Some(world.token(&less)), "less"));
    assert_eq!(
        ann.answer("less").await,
        Said::Refreshed { tag: tag("less") }
    );
    let gone = ann
        .until(|said| matches!(said, Said::Detached { .. }))
        .await;
    assert!(detached(&gone, "private-b", "not_allowed"), "{gone:?}");
    world.publish("private-b", "secret").await;
    world.publish("private-a", "still").await;
    assert_eq!(ann.texts(1).await, ["still"]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_keeps_the_subject_and_a_failed_one_leaves_the_old_token() {
    let world = World::new();
    let mut ann = world.user("ann").await;
    ann.attach("private-a").await;
    ann.ask(&hello(Some(world.token(&json!({ "sub": "ben" }))), "other"));
    assert_eq!(code(&ann.answer("other").await), "forbidden");
    ann.ask(&hello(Some("no token at all".to_owned()), "bad"));
    assert!(matches!(ann.answer("bad").await, Said::Refused { .. }));
    world.publish("private-a", "still").await;
    assert_eq!(ann.texts(1).await, ["still"]);
    assert!(matches!(
        ann.attach("private-b").await,
        Said::Attached { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_to_be_renewed_and_then_expires() {
    let world = World::new();
    let mut ann = world.dial();
    let claims = json!({ "sub": "ann", "exp": world.seconds() + 20 });
    ann.hello(Some(world.token(&claims))).await;
    let renew = ann.until(|said| matches!(said, Said::Renew { .. })).await;
    assert!(
        matches!(
            renew,
            Said::Renew {
                within_ms: 1..=20_000
            }
        ),
        "{renew:?}"
    );
    assert_eq!(ending(&mut ann).await, "token_expired");
}

#[tokio::test(start_paused = true)]
async fn unsubscribed_is_a_barrier() {
    let world = World::new();
    let mut ann = world.guest().await;
    for round in 0..50 {
        ann.attach("room").await;
        world.publish("room", &format!("{round}")).await;
        ann.ask(&Ask::detach("room", "gone"));
        world.publish("room", "late").await;
        // The model client fails the test on anything of the channel after this.
        assert!(detached(&ann.answer("gone").await, "room", "requested"));
        settle().await;
        assert_eq!(ann.heard(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn subscribing_again_answers_kept_and_replays_nothing() {
    let world = World::new();
    let mut ann = world.guest().await;
    let first = world.publish("room", "one").await.unwrap();
    ann.attach("room").await;
    world.publish("room", "two").await;
    assert_eq!(ann.texts(1).await, ["two"]);
    let oldest = (first.epoch.as_u64(), 0);
    ann.ask(&Ask::attach("room", Some(oldest), "again"));
    let again = ann.answer("again").await;
    assert!(
        matches!(
            again,
            Said::Attached {
                verdict: Verdict::Kept,
                from: Some((_, 2)),
                ..
            }
        ),
        "{again:?}"
    );
    settle().await;
    assert_eq!(
        ann.heard(),
        [Said::CaughtUp {
            channel: "room".to_owned()
        }]
    );
}

#[tokio::test(start_paused = true)]
async fn every_tag_is_answered_exactly_once() {
    let world = World::new();
    let mut ann = world.guest().await;
    let mut open = HashSet::new();
    for round in 0..1_000 {
        let tags = ["on", "off", "on again"].map(|word| format!("{word} {round}"));
        ann.ask(&Ask::attach("room", None, &tags[0]));
        ann.ask(&Ask::detach("room", &tags[1]));
        ann.ask(&Ask::attach("room", None, &tags[2]));
        open.extend(tags);
    }
    // Not through the model client: it may be attached already, without having read that it is.
    while !open.is_empty() {
        let said = ann.next().await;
        assert!(!matches!(said, Said::Ending { .. }), "{} open", open.len());
        if let Some(tag) = said.tag() {
            assert!(open.remove(tag), "{tag} was answered twice");
        }
    }
    pass(10).await;
    assert!(ann.heard().iter().all(|said| said.tag().is_none()));
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_at_first_is_not_waited_for() {
    let world = World::new();
    let mut mute = world.dial();
    pass(9).await;
    assert_eq!(mute.heard(), []);
    pass(2).await;
    assert_eq!(ending(&mut mute).await, "connect_timeout");
}

#[tokio::test(start_paused = true)]
async fn silence_is_asked_about_and_then_ends() {
    let world = World::new();
    let mut silent = world.guest().await;
    assert_eq!(silent.next().await, Said::Idle);
    assert_eq!(ending(&mut silent).await, "heartbeat_missed");
}

#[tokio::test(start_paused = true)]
async fn who_answers_lives() {
    let world = World::new();
    let mut ann = world.guest().await;
    for _ in 0..40 {
        pass(5).await;
        if ann.heard().contains(&Said::Idle) {
            ann.wire.alive();
        }
    }
    assert!(matches!(ann.attach("room").await, Said::Attached { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_drain_tells_everybody_to_come_back() {
    let world = World::new();
    let mut all = Vec::new();
    for _ in 0..25 {
        all.push(world.guest().await);
    }
    world.engine.drain(Duration::from_secs(5)).await;
    for caller in &mut all {
        let last = caller
            .until(|said| matches!(said, Said::Ending { .. }))
            .await;
        assert!(
            matches!(&last, Said::Ending { reason, retry_after_ms: Some(0..1_000) } if reason == "drain"),
            "{last:?}"
        );
    }
    assert_eq!(world.engine.stats().sessions, 0);
    assert_eq!(
        ending(&mut world.dial()).await,
        "drain",
        "a late one is told too"
    );
}

#[tokio::test(start_paused = true)]
async fn the_connection_key_keeps_the_id_for_its_own_user_only() {
    let world = World::new();
    let mut ann = world.user("ann").await;
    let id = ann.connection.unwrap();
    let key = ann.key.clone();
    ann.wire.break_off();
    world.redial(&mut ann);
    let token = || Some(world.token(&json!({ "sub": "ann" })));
    assert!(matches!(
        ann.hello(token()).await,
        Said::Opened { kept: true, .. }
    ));
    assert_eq!(ann.connection, Some(id));
    let mut ben = world.dial();
    ben.key = key;
    let other = world.token(&json!({ "sub": "ben" }));
    assert!(matches!(
        ben.hello(Some(other)).await,
        Said::Opened { kept: false, .. }
    ));
    assert_ne!(ben.connection, Some(id));
}

#[tokio::test(start_paused = true)]
async fn a_clean_leave_is_seen_at_once_and_a_lost_line_after_the_grace() {
    let world = World::new();
    let mut watch = world.user("watch").await;
    for clean in [true, false] {
        let mut ann = world.user("ann").await;
        ann.ask(&Ask::Enter("room".to_owned(), tag("enter")));
        assert_eq!(
            ann.answer("enter").await,
            Said::Accepted { tag: tag("enter") }
        );
        assert_eq!(roster(&mut watch, "room").await, 1);
        if clean {
            ann.wire.close();
            settle().await;
        } else {
            ann.wire.break_off();
            pass(2).await;
            assert_eq!(roster(&mut watch, "room").await, 1, "the grace is not over");
            pass(2).await;
        }
        assert_eq!(roster(&mut watch, "room").await, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_changes_takes_the_channel_away_within_a_second() {
    let world = World::new();
    let mut ann = world.guest().await;
    ann.attach("news").await;
    ann.attach("room").await;
    let closed = AppPlan::default().with_rule("news", |rule| rule.access = Access::Token);
    let settled = ann.heard();
    assert!(
        settled
            .iter()
            .all(|said| !matches!(said, Said::Detached { .. }))
    );
    world.change(&closed);
    pass(1).await;
    let heard = ann.heard();
    assert!(
        heard
            .iter()
            .any(|said| detached(said, "news", "rule_changed")),
        "{heard:?}"
    );
    world.publish("news", "secret").await;
    world.publish("room", "still").await;
    assert_eq!(ann.texts(1).await, ["still"]);
    assert_eq!(code(&ann.attach("news").await), "forbidden");
}

#[tokio::test(start_paused = true)]
async fn a_page_of_an_origin_that_is_not_listed_is_refused() {
    let world = World::of(AppPlan {
        origins: vec!["https://shop.example".to_owned()],
        ..AppPlan::default()
    });
    let mut own = world.dial_from(Some("https://shop.example"));
    assert!(matches!(own.hello(None).await, Said::Opened { .. }));
    let mut other = world.dial_from(Some("https://shop.example.evil.example"));
    other.ask(&hello(None, "hello"));
    assert_eq!(ending(&mut other).await, "origin_not_allowed");
}

#[tokio::test(start_paused = true)]
async fn one_connection_too_many_is_refused_until_another_goes() {
    let world = World::of(AppPlan::default().with_limits(|limits| limits.connections = 2));
    let first = world.guest().await;
    let _second = world.guest().await;
    let mut third = world.dial();
    third.ask(&hello(None, "hello"));
    assert_eq!(ending(&mut third).await, "connection_limit");
    first.wire.close();
    settle().await;
    assert!(matches!(
        world.dial().hello(None).await,
        Said::Opened { .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn ephemeral_messages_of_one_connection_are_limited_by_the_second() {
    let world = World::of(AppPlan::default().with_limits(|limits| {
        limits.client_events_per_second = 3;
    }));
    let mut ann = world.user("ann").await;
    ann.attach("private-room").await;
    for second in 0..3 {
        let mut codes = Vec::new();
        for n in 0..5 {
            let name = format!("{second} {n}");
            ann.ask(&Ask::Publish {
                channel: "private-room".to_owned(),
                texts: vec!["typing".to_owned()],
                ephemeral: true,
                echo: None,
                tag: tag(&name),
            });
            codes.push(code(&ann.answer(&name).await).to_owned());
        }
        assert_eq!(codes[..3], ["not refused", "not refused", "not refused"]);
        assert_eq!(codes[3..], ["rate_limited", "rate_limited"]);
        pass(1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_too_slowly_is_closed_and_resumes_where_it_was() {
    let world = World::of(AppPlan::default().with_limits(|limits| limits.outbox_bytes = 16 * 1024));
    let mut ann = world.guest().await;
    ann.attach("room").await;
    world.publish("room", "first").await;
    assert_eq!(ann.texts(1).await, ["first"]);
    ann.wire.stall();
    for _ in 0..60 {
        world.publish("room", &"x".repeat(2 * 1024)).await;
        settle().await;
    }
    ann.wire.flow();
    assert_eq!(ending(&mut ann).await, "slow_consumer");
    assert_eq!(world.engine.stats().slow, 1);
    world.redial(&mut ann);
    ann.hello(None).await;
    let answer = ann.attach("room").await;
    assert!(
        matches!(
            answer,
            Said::Attached {
                verdict: Verdict::Kept,
                ..
            }
        ),
        "{answer:?}"
    );
    ann.until(|said| matches!(said, Said::CaughtUp { .. }))
        .await;
    let place = ann.model.standing("room").unwrap().position.unwrap();
    assert_eq!(place.1, 61);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_subscription_that_races_a_publisher_has_no_gap_and_no_duplicate() {
    const MESSAGES: u64 = 20;
    let world = Arc::new(World::new());
    let mut amid = 0;
    for seed in 0..1_000_u64 {
        let channel = format!("race-{seed}");
        let mut ann = world.guest().await;
        let publisher = tokio::spawn({
            let (world, channel) = (Arc::clone(&world), channel.clone());
            async move {
                for n in 0..MESSAGES {
                    world.publish(&channel, &n.to_string()).await;
                    // A spread of pauses that is the same for the same seed.
                    for _ in 0..(seed.wrapping_mul(0x9e37_79b9).rotate_left(n as u32) % 4) {
                        tokio::task::yield_now().await;
                    }
                }
            }
        });
        for _ in 0..seed % 23 {
            tokio::task::yield_now().await;
        }
        // Every frame is held against the contract by the model client: a gap fails at once.
        let Said::Attached { from, .. } = ann.attach(&channel).await else {
            panic!("seed {seed}: not attached");
        };
        let begun = from.map_or(0, |from| from.1);
        amid += u32::from((1..MESSAGES).contains(&begun));
        publisher.await.unwrap();
        let missing = usize::try_from(MESSAGES - begun).unwrap();
        let reading = tokio::time::timeout(Duration::from_secs(20), ann.texts(missing));
        let texts = reading
            .await
            .unwrap_or_else(|_| panic!("seed {seed}: a message is missing"));
        let wanted: Vec<_> = (MESSAGES - missing as u64..MESSAGES)
            .map(|n| n.to_string())
            .collect();
        assert_eq!(texts, wanted, "seed {seed}");
        settle().await;
        assert!(
            !ann.heard()
                .iter()
                .any(|said| matches!(said, Said::Message { .. })),
            "seed {seed}"
        );
    }
    assert!(amid > 0, "no subscription began amid the messages");
}

#[tokio::test(start_paused = true)]
async fn an_app_that_publishes_faster_than_it_may_is_told_when_to_come_back() {
    let plan = AppPlan::default().with_limits(|limits| limits.publishes_per_second = 2);
    let world = World::of(plan);
    let mut ann = world.user("ann").await;
    for n in 0..4 {
        ann.ask(&Ask::publish("room", &["within the burst"], "publish"));
        let said = ann.answer("publish").await;
        assert!(matches!(said, Said::Published { .. }), "{n}: {said:?}");
    }
    ann.ask(&Ask::publish("room", &["too fast"], "publish"));
    let said = ann.answer("publish").await;
    let Said::Refused {
        retry_after_ms: Some(wait),
        ..
    } = &said
    else {
        panic!("not told when: {said:?}");
    };
    assert_eq!(code(&said), "rate_limited");
    tokio::time::sleep(Duration::from_millis(*wait)).await;
    ann.ask(&Ask::publish("room", &["as told"], "publish"));
    assert!(matches!(
        ann.answer("publish").await,
        Said::Published { .. }
    ));
}
