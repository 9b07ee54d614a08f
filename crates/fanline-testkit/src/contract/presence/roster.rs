//! Reading who is there.

use std::collections::HashSet;

use fanline_broker::{Entry, PresenceRevision};

use super::harness::PresenceHarness;
use super::stage::{Stage, entry};

/// Ordered by member and connection, and it says how many distinct members there are.
pub async fn a_roster_is_ordered_by_member_and_connection(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    for member in ["bob", "ada", "bob", "eve", "ada"] {
        stage.enter(&channel, &entry(member)).await;
    }
    let roster = stage.roster(&channel).await;
    let key = |entry: &Entry| (entry.member.clone(), entry.connection);
    assert!(
        roster.entries.is_sorted_by_key(|entry| key(entry)),
        "{:?}",
        roster.entries
    );
    assert_eq!(
        (roster.entries.len(), roster.members, roster.more),
        (5, 3, false)
    );
}

/// Entries after (member, connection), in order, at most `limit`.
pub async fn pages_cover_the_roster_without_a_gap(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    for n in 0..10 {
        stage
            .enter(&channel, &entry(&format!("member-{}", n % 4)))
            .await;
    }
    let (mut after, mut paged) = (None, Vec::new());
    loop {
        let page = stage.presence().roster(&channel, after, 3).await.unwrap();
        assert_eq!(page.members, 4);
        paged.extend(page.entries);
        after = paged
            .last()
            .map(|entry| (entry.member.clone(), entry.connection));
        if !page.more {
            break;
        }
        assert_eq!(paged.len() % 3, 0);
    }
    assert_eq!(paged, stage.roster(&channel).await.entries);
    assert_eq!(paged.len(), 10);
}

/// A later page with another revision says: begin again.
pub async fn a_page_shows_the_revision_of_the_last_change(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let (ada, bob) = (entry("ada"), entry("bob"));
    let entered = stage.enter(&channel, &ada).await;
    assert_eq!(stage.roster(&channel).await.revision, entered.revision());
    stage.enter(&channel, &bob).await;
    let left = stage.leave(&channel, &ada).await.unwrap();
    assert_eq!(stage.roster(&channel).await.revision, left.revision());
}

/// Of many channels at once, in the order asked.
pub async fn revisions_are_those_of_the_rosters(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channels: Vec<_> = (0..5)
        .map(|n| stage.channel(&format!("presence-{n}")))
        .collect();
    // Nobody ever enters the last one.
    for channel in &channels[..4] {
        stage.enter(channel, &entry("ada")).await;
    }
    let bob = entry("bob");
    stage.enter(&channels[1], &bob).await;
    stage.leave(&channels[1], &bob).await.unwrap();
    let revisions = stage.presence().revisions(&channels).await;
    let revisions: Vec<_> = revisions.into_iter().map(Result::unwrap).collect();
    let mut rosters = Vec::new();
    for channel in &channels {
        rosters.push(stage.roster(channel).await.revision);
    }
    assert_eq!(revisions, rosters);
    assert_eq!(revisions[4], PresenceRevision::NONE);
}

/// An empty roster is an answer.
pub async fn a_channel_that_nobody_entered_is_empty(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let roster = stage.roster(&channel).await;
    assert_eq!(
        (roster.entries.len(), roster.members, roster.more),
        (0, 0, false)
    );
    assert_eq!(stage.members(&channel).await, 0);
}

/// Nobody was there before number 1.
pub async fn a_numbering_begins_with_an_entry(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let entered = stage.enter(&channel, &entry("ada")).await;
    assert_eq!(entered.revision().number, 1);
}

/// Also after everybody left: what a node read before is never taken for what is so now.
pub async fn a_revision_is_never_made_twice(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let mut seen = HashSet::new();
    let key = |revision: PresenceRevision| (revision.epoch, revision.number);
    seen.insert(key(stage.roster(&channel).await.revision));
    for _ in 0..5 {
        let ada = entry("ada");
        let entered = stage.enter(&channel, &ada).await;
        assert!(seen.insert(key(entered.revision())));
        let left = stage.leave(&channel, &ada).await.unwrap();
        assert!(seen.insert(key(left.revision())));
    }
}

/// The numbering is kept with the channel: where somebody follows, an empty channel does not end it.
pub async fn the_numbering_of_a_followed_channel_goes_on(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    stage.follow(&channel).await;
    let ada = entry("ada");
    let first = stage.enter(&channel, &ada).await.revision();
    stage.leave(&channel, &ada).await.unwrap();
    stage.presence().reap().await.unwrap();
    assert_eq!(stage.roster(&channel).await.revision.epoch, first.epoch);
    let again = stage.enter(&channel, &ada).await.revision();
    assert_eq!((again.epoch, again.number), (first.epoch, first.number + 2));
}
