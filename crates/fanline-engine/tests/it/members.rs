//! Who is there, as a listener hears it: whatever was lost on the way is found and told.

use std::collections::BTreeSet;
use std::time::Duration;

use fanline_broker::{Entry, Presence};
use fanline_model::{ConnectionId, UserId};
use fanline_protocol::{Open, Transport};
use fanline_testkit::engine_world::{Caller, World, pass, settle};
use fanline_testkit::stub_guest::{Ask, Said};
use fanline_testkit::test_link::TestLink;
use serde_json::json;

fn attach(modes: &str) -> Ask {
    Ask::Attach {
        channel: "room".to_owned(),
        modes: modes.to_owned(),
        since: None,
        rewind: None,
        tag: Some("room".to_owned()),
    }
}

async fn watcher(world: &World) -> Caller {
    let mut watcher = world.user("watcher").await;
    watcher.ask(&attach("mp"));
    watcher.answer("room").await;
    watcher
}

/// Somebody who has entered.
async fn member(world: &World, name: &str) -> Caller {
    let mut member = world.user(name).await;
    member.ask(&Ask::Enter("room".to_owned(), Some("enter".to_owned())));
    let answer = member.answer("enter").await;
    assert!(matches!(answer, Said::Accepted { .. }), "{answer:?}");
    member
}

async fn change(watcher: &mut Caller) -> (String, String) {
    let is_change = |said: &Said| matches!(said, Said::Member { .. });
    match watcher.until(is_change).await {
        Said::Member { change, member, .. } => (change, member),
        other => panic!("no change: {other:?}"),
    }
}

fn said(change: &str, member: &str) -> (String, String) {
    (change.to_owned(), member.to_owned())
}

fn changes(heard: &[Said]) -> usize {
    let is_change = |said: &&Said| matches!(said, Said::Member { .. });
    heard.iter().filter(is_change).count()
}

/// Who is there, by the broker's word.
async fn there(world: &World) -> Vec<String> {
    let room = world.channel("room");
    let roster = world.presence.roster(&room, None, 1_000);
    let entries = roster.await.unwrap().entries;
    entries
        .iter()
        .map(|entry| entry.member.to_string())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_lost_leave_is_found_within_five_seconds() {
    let world = World::new();
    let mut watcher = watcher(&world).await;
    let mut ben = member(&world, "ben").await;
    assert_eq!(change(&mut watcher).await, said("entered", "ben"));
    world.gate.lose_changes(true);
    ben.ask(&Ask::Leave("room".to_owned(), Some("leave".to_owned())));
    ben.answer("leave").await;
    settle().await;
    assert_eq!(changes(&watcher.heard()), 0, "the leave was lost");
    let found = tokio::time::timeout(Duration::from_secs(5), change(&mut watcher)).await;
    assert_eq!(found, Ok(said("left", "ben")));
}

#[tokio::test(start_paused = true)]
async fn the_next_change_uncovers_one_that_was_lost() {
    let world = World::new();
    let mut watcher = watcher(&world).await;
    let _ann = member(&world, "ann").await;
    assert_eq!(change(&mut watcher).await, said("entered", "ann"));
    world.gate.lose_changes(true);
    let _ben = member(&world, "ben").await;
    world.gate.lose_changes(false);
    let _cid = member(&world, "cid").await;
    settle().await;
    let heard = [change(&mut watcher).await, change(&mut watcher).await];
    assert_eq!(heard, [said("entered", "ben"), said("entered", "cid")]);
}

/// A failover may lose an entry that was acknowledged.
#[tokio::test(start_paused = true)]
async fn an_entry_that_the_broker_lost_is_entered_again_without_a_flicker() {
    let world = World::new();
    let mut watcher = watcher(&world).await;
    let ben = member(&world, "ben").await;
    assert_eq!(change(&mut watcher).await, said("entered", "ben"));
    world.gate.lose_changes(true);
    let (room, user) = (world.channel("room"), UserId::parse("ben").unwrap());
    let lost = world.presence.leave(&room, &user, ben.connection.unwrap());
    assert!(lost.await.unwrap().is_some());
    world.gate.lose_changes(false);
    pass(6).await;
    assert_eq!(there(&world).await, ["ben"]);
    assert_eq!(changes(&watcher.heard()), 0, "ben was never away");
}

#[tokio::test(start_paused = true)]
async fn who_has_left_is_not_entered_again() {
    let world = World::new();
    let mut ben = member(&world, "ben").await;
    ben.ask(&Ask::Leave("room".to_owned(), Some("leave".to_owned())));
    ben.answer("leave").await;
    pass(10).await;
    assert!(there(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_was_cut_off_without_a_word_is_gone_when_the_lease_ends() {
    let world = World::new();
    let (link, wire) = TestLink::pair();
    let open = Open::bare(Transport::WebSocket, [127, 0, 0, 1].into());
    let serving = world
        .engine
        .serve(world.guest.clone(), &open, Box::new(link));
    let session = tokio::spawn(serving);
    let hello = Ask::Hello {
        app: "shop".to_owned(),
        token: Some(world.token(&json!({ "sub": "ben" }))),
        key: None,
        tag: None,
    };
    wire.send(hello.frame());
    wire.send(Ask::Enter("room".to_owned(), None).frame());
    settle().await;
    pass(20).await;
    assert_eq!(there(&world).await, ["ben"], "the lease is renewed");
    session.abort();
    pass(20).await;
    assert!(there(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_change_of_data_enters_again_who_was_lost() {
    let world = World::new();
    let mut ben = member(&world, "ben").await;
    let (room, user) = (world.channel("room"), UserId::parse("ben").unwrap());
    let lost = world.presence.leave(&room, &user, ben.connection.unwrap());
    lost.await.unwrap();
    let update = Ask::Update(
        "room".to_owned(),
        "\"back\"".to_owned(),
        Some("up".to_owned()),
    );
    ben.ask(&update);
    let answer = ben.answer("up").await;
    assert!(matches!(answer, Said::Accepted { .. }), "{answer:?}");
    let roster = world.presence.roster(&room, None, 10).await.unwrap();
    assert_eq!(roster.entries[0].data.as_deref(), Some(&b"\"back\""[..]));
}

/// Whoever asks who is there may apply every change that follows to the answer, whenever they ask.
#[tokio::test(start_paused = true)]
async fn a_roster_and_the_changes_after_it_make_the_truth() {
    for moment in 0..40 {
        let world = World::new();
        let mut watcher = world.user("watcher").await;
        watcher.ask(&attach("mp"));
        watcher.ask(&Ask::Roster("room".to_owned(), 3, Some("who".to_owned())));
        let room = world.channel("room");
        for n in 0..40_u64 {
            if n == moment {
                settle().await;
            }
            tokio::task::yield_now().await;
            let (user, connection) = (n % 7, ConnectionId::from_parts(n % 7, 1));
            let member = UserId::parse(&format!("member-{user}")).unwrap();
            // Each comes, goes, and comes again.
            if n / 7 % 2 == 0 {
                let entry = Entry {
                    member,
                    connection,
                    info: None,
                    data: None,
                };
                let lease = Duration::from_secs(60);
                world
                    .presence
                    .enter(&room, entry, lease, 100)
                    .await
                    .unwrap();
            } else {
                world
                    .presence
                    .leave(&room, &member, connection)
                    .await
                    .unwrap();
            }
        }
        settle().await;
        let mut known: Option<BTreeSet<String>> = None;
        let mut answered = false;
        for said in watcher.heard() {
            match said {
                Said::Members { members, last, .. } => {
                    let known = known.get_or_insert_default();
                    known.extend(members.into_iter().map(|(member, _)| member));
                    answered = last;
                }
                Said::Member { change, member, .. } if answered => {
                    let known = known.get_or_insert_default();
                    let is_new = if change == "left" {
                        known.remove(&member)
                    } else {
                        known.insert(member.clone())
                    };
                    assert!(is_new, "{change} {member}, which was known already");
                }
                _ => {}
            }
        }
        assert!(answered, "the roster was told to its end");
        let truth = there(&world).await;
        assert_eq!(
            known.unwrap().into_iter().collect::<Vec<_>>(),
            truth,
            "moment {moment}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_roster_that_cannot_be_told_any_more_is_refused() {
    let world = World::new();
    let mut watcher = watcher(&world).await;
    watcher.ask(&Ask::Roster("room".to_owned(), 3, Some("who".to_owned())));
    watcher.ask(&Ask::detach("room", "detach"));
    // Told or refused, but never without an answer.
    let answer = watcher.answer("who").await;
    let is_answer = matches!(answer, Said::Members { .. } | Said::Refused { .. });
    assert!(is_answer, "{answer:?}");
    assert!(matches!(
        watcher.answer("detach").await,
        Said::Detached { .. }
    ));
}
