//! The proof of the waist: a protocol that the engine has never heard of runs a whole transcript.
//!
//! The guest ([`StubGuest`]) writes binary frames, attaches with modes, pages its members, and keeps a
//! session while its link is replaced. No line of the engine knows any of it.

pub(crate) mod bundle;

use std::time::Duration;

use fanline_testkit::engine_world::{AppPlan, Caller, World, pass, settle};
use fanline_testkit::stub_guest::{Ask, Said, StubGuest};
use fanline_testkit::test_link::{TestLink, Wire};

const GRACE: Duration = Duration::from_secs(10);

fn world() -> World {
    let guest = StubGuest {
        link_grace: GRACE,
        ..StubGuest::default()
    };
    World::with(AppPlan::default(), guest, 11)
}

fn attach(channel: &str, modes: &str, tag: &str) -> Ask {
    Ask::Attach {
        channel: channel.to_owned(),
        modes: modes.to_owned(),
        since: None,
        rewind: None,
        tag: Some(tag.to_owned()),
    }
}

fn tag(tag: &str) -> Option<String> {
    Some(tag.to_owned())
}

fn change(said: &Said, wanted: &str, who: &str) -> bool {
    matches!(said, Said::Member { change, member, .. } if change == wanted && member == who)
}

/// The session's line is replaced by a new one; answers the old one.
fn relink(world: &World, caller: &mut Caller) -> Wire {
    let (link, wire) = TestLink::pair();
    let relinked = world
        .engine
        .relink(caller.connection.unwrap(), Box::new(link));
    assert!(relinked.is_ok(), "the session is there");
    std::mem::replace(&mut caller.wire, wire)
}

fn texts(heard: &[Said]) -> Vec<&str> {
    heard
        .iter()
        .filter_map(|said| match said {
            Said::Message { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_guest_protocol_runs_its_transcript() {
    let world = world();
    let mut ann = world.user("ann").await;
    ann.ask(&attach("room", "mpo", "room"));
    assert!(matches!(ann.answer("room").await, Said::Attached { .. }));

    // Members are seen as they come, change and go.
    let mut ben = world.user("ben").await;
    ben.ask(&attach("room", "m", "room"));
    assert!(matches!(ben.answer("room").await, Said::Attached { .. }));
    let two = |said: &Said| matches!(said, Said::Occupancy { connections: 2, .. });
    assert!(two(&ann.until(two).await), "ann asked for occupancy");
    ben.ask(&Ask::Enter("room".to_owned(), tag("enter")));
    ben.ask(&Ask::Update(
        "room".to_owned(),
        "\"busy\"".to_owned(),
        tag("update"),
    ));
    assert_eq!(
        ben.answer("enter").await,
        Said::Accepted { tag: tag("enter") }
    );
    assert_eq!(
        ben.answer("update").await,
        Said::Accepted { tag: tag("update") }
    );
    let seen = ann.until(|said| change(said, "entered", "ben")).await;
    assert!(matches!(seen, Said::Member { edge: true, .. }), "{seen:?}");
    assert!(change(
        &ann.until(|said| change(said, "updated", "ben")).await,
        "updated",
        "ben"
    ));
    ann.ask(&Ask::Enter("room".to_owned(), tag("enter")));
    assert_eq!(
        ann.answer("enter").await,
        Said::Accepted { tag: tag("enter") }
    );

    settle().await;
    let unasked = |said: &Said| matches!(said, Said::Member { .. } | Said::Occupancy { .. });
    let heard = ben.heard();
    assert!(
        !heard.iter().any(unasked),
        "ben asked for messages only: {heard:?}"
    );

    // The roster comes in pages of the asked size, the last one says so.
    ben.ask(&Ask::Roster("room".to_owned(), 1, tag("roster")));
    let mut pages = Vec::new();
    loop {
        match ben.answer("roster").await {
            Said::Members {
                members,
                total,
                last,
                ..
            } => {
                assert_eq!((members.len(), total), (1, 2));
                pages.extend(members);
                if last {
                    break;
                }
            }
            other => panic!("no page: {other:?}"),
        }
    }
    let ann_and_ben = [("ann", ""), ("ben", "\"busy\"")];
    assert_eq!(
        pages,
        ann_and_ben.map(|(a, b)| (a.to_owned(), b.to_owned()))
    );

    // Messages that only the mode `messages` brings, in order.
    world.publish("room", "one").await;
    assert_eq!(ben.texts(1).await, ["one"]);
    assert_eq!(ann.texts(1).await, ["one"]);
    // The line breaks with frames on it, and is replaced: nothing is lost or doubled.
    ann.wire.stall();
    world.publish("room", "two").await;
    settle().await;
    ann.wire.break_off();
    settle().await;
    world.publish("room", "three").await;
    pass(2).await;
    let _ = ann.heard();
    let old = relink(&world, &mut ann);
    assert_eq!(ann.texts(2).await, ["two", "three"]);
    assert!(old.ended(), "the session let go of the broken line");
    ann.ask(&Ask::publish("room", &["four"], "four"));
    assert_eq!(ann.texts(1).await, ["four"]);
    settle().await;
    assert_eq!(texts(&ben.heard()), ["two", "three", "four"]);

    // Leaving is seen as well.
    ben.ask(&Ask::Leave("room".to_owned(), tag("leave")));
    let seen = ann.until(|said| change(said, "left", "ben")).await;
    assert!(matches!(seen, Said::Member { edge: true, .. }), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_whole_line_is_replaced_without_a_pause() {
    let world = world();
    let mut ann = world.user("ann").await;
    ann.attach("room").await;
    for round in 0..20 {
        world.publish("room", &format!("{round} before")).await;
        assert_eq!(ann.texts(1).await, [format!("{round} before")]);
        let old = relink(&world, &mut ann);
        world.publish("room", &format!("{round} after")).await;
        assert_eq!(ann.texts(1).await, [format!("{round} after")]);
        assert!(old.ended());
    }
    assert_eq!(world.engine.stats().sessions, 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_line_ends_after_its_grace() {
    let world = world();
    let mut ann = world.user("ann").await;
    ann.attach("room").await;
    let connection = ann.connection.unwrap();
    ann.wire.break_off();
    pass(8).await;
    assert_eq!(
        world.engine.stats().sessions,
        1,
        "it waits for another line"
    );
    pass(3).await;
    assert_eq!(world.engine.stats().sessions, 0, "nobody brought one");
    let (link, _wire) = TestLink::pair();
    let refused = world.engine.relink(connection, Box::new(link));
    assert!(refused.is_err(), "the link is handed back");
}
