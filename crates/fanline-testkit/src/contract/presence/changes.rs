//! Entering, updating, leaving, and who hears of it.

use std::sync::Arc;

use bytes::Bytes;
use fanline_broker::{Entry, PresenceChange, PresenceError};

use super::harness::PresenceHarness;
use super::stage::{LEASE, Stage, entry, is_join, is_parting};

/// A member is every entry with one member id.
pub async fn the_first_entry_of_a_member_is_its_join_and_the_last_its_leave(
    harness: &dyn PresenceHarness,
) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let (phone, laptop) = (entry("ada"), entry("ada"));
    assert!(is_join(&stage.enter(&channel, &phone).await));
    let second = stage.enter(&channel, &laptop).await;
    assert!(
        matches!(second, PresenceChange::Entered { first: false, .. }),
        "{second:?}"
    );
    assert_eq!(stage.members(&channel).await, 1);
    let left = stage.leave(&channel, &phone).await.unwrap();
    assert!(matches!(&left, PresenceChange::Left { last: false, entry, .. } if **entry == phone));
    assert_eq!(stage.members(&channel).await, 1);
    assert!(is_parting(&stage.leave(&channel, &laptop).await.unwrap()));
    assert_eq!(stage.members(&channel).await, 0);
}

/// Adds or replaces the entry of (member, connection).
pub async fn an_entry_that_comes_again_is_replaced(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let before = entry("ada");
    stage.enter(&channel, &before).await;
    let after = Entry {
        info: Some(Bytes::from_static(b"2")),
        data: Some(Bytes::from_static(b"3")),
        ..before
    };
    let change = stage.enter(&channel, &after).await;
    assert!(
        matches!(&change, PresenceChange::Updated { entry, .. } if **entry == after),
        "{change:?}"
    );
    assert_eq!(stage.roster(&channel).await.entries, [Arc::new(after)]);
    assert_eq!(stage.members(&channel).await, 1);
}

/// Replaces the client's own `data`; vouched `info` stays.
pub async fn an_update_replaces_data_and_keeps_what_is_vouched_for(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let entry = entry("ada");
    stage.enter(&channel, &entry).await;
    for data in [Some(Bytes::from_static(b"\"typing\"")), None] {
        let update =
            stage
                .presence()
                .update(&channel, &entry.member, entry.connection, data.clone());
        let expected = Entry {
            data,
            ..entry.clone()
        };
        let change = update.await.unwrap();
        assert!(matches!(&change, PresenceChange::Updated { entry, .. } if **entry == expected));
        assert_eq!(stage.roster(&channel).await.entries, [Arc::new(expected)]);
    }
}

/// There is no entry of that member and connection to update.
pub async fn nobody_updates_who_has_not_entered(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let (present, absent) = (entry("ada"), entry("ada"));
    let update = async || {
        stage
            .presence()
            .update(&channel, &absent.member, absent.connection, None)
            .await
    };
    assert_eq!(update().await, Err(PresenceError::NotEntered));
    let revision = stage.enter(&channel, &present).await.revision();
    assert_eq!(update().await, Err(PresenceError::NotEntered));
    assert_eq!(
        stage.roster(&channel).await.revision,
        revision,
        "nothing changed"
    );
}

/// Every leave happens exactly once.
pub async fn an_entry_leaves_once(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let (entry, stays) = (entry("ada"), entry("bob"));
    stage.enter(&channel, &entry).await;
    stage.enter(&channel, &stays).await;
    assert!(stage.leave(&channel, &entry).await.is_some());
    let revision = stage.roster(&channel).await.revision;
    assert_eq!(stage.leave(&channel, &entry).await, None);
    assert_eq!(
        stage.roster(&channel).await.revision,
        revision,
        "nothing changed"
    );
}

/// The revision rises by one with each change, and with nothing else.
pub async fn every_change_takes_the_next_revision(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let (ada, bob) = (entry("ada"), entry("bob"));
    let mut changes = vec![
        stage.enter(&channel, &ada).await,
        stage.enter(&channel, &bob).await,
    ];
    let data = Some(Bytes::from_static(b"1"));
    changes.push(
        stage
            .presence()
            .update(&channel, &ada.member, ada.connection, data)
            .await
            .unwrap(),
    );
    assert_eq!(stage.refresh(&channel, &[&ada, &bob]).await, [true, true]);
    changes.push(stage.leave(&channel, &ada).await.unwrap());
    let revisions: Vec<_> = changes.iter().map(PresenceChange::revision).collect();
    for pair in revisions.windows(2) {
        assert_eq!(
            (pair[1].epoch, pair[1].number),
            (pair[0].epoch, pair[0].number + 1)
        );
    }
}

/// What is answered is what is heard.
pub async fn followers_hear_every_change_in_the_order_of_revisions(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    stage.follow(&channel).await;
    let (ada, bob) = (entry("ada"), entry("bob"));
    let mut answered = vec![
        stage.enter(&channel, &ada).await,
        stage.enter(&channel, &bob).await,
    ];
    answered.push(
        stage
            .presence()
            .update(&channel, &bob.member, bob.connection, None)
            .await
            .unwrap(),
    );
    answered.extend(stage.leave(&channel, &ada).await);
    assert_eq!(stage.hear(&channel, 4).await, answered);
}

/// Members of a *followed* channel are told of.
pub async fn without_a_follower_nothing_is_heard(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let (quiet, loud) = (
        stage.channel("presence-quiet"),
        stage.channel("presence-loud"),
    );
    stage.follow(&loud).await;
    stage.enter(&quiet, &entry("ada")).await;
    stage.enter(&loud, &entry("ada")).await;
    stage.hear(&loud, 1).await;
    assert_eq!(stage.ear.of(&quiet), []);
}

/// The limit bounds distinct members; a further connection of a present member is never refused.
pub async fn a_full_channel_refuses_new_members_and_no_connection_of_a_present_one(
    harness: &dyn PresenceHarness,
) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let enter = async |entry: &Entry| {
        stage
            .presence()
            .enter(&channel, entry.clone(), LEASE, 2)
            .await
    };
    let (ada, bob) = (entry("ada"), entry("bob"));
    enter(&ada).await.unwrap();
    enter(&bob).await.unwrap();
    assert_eq!(enter(&entry("eve")).await, Err(PresenceError::Full(2)));
    enter(&entry("ada")).await.unwrap();
    assert_eq!(stage.members(&channel).await, 2);
    stage.leave(&channel, &bob).await.unwrap();
    enter(&entry("eve")).await.unwrap();
}

/// Nothing reaches across apps.
pub async fn the_same_name_in_two_apps_is_two_rosters(harness: &dyn PresenceHarness) {
    let ours = Stage::open(harness).await;
    let theirs = ours.other_app();
    let ada = entry("ada");
    ours.enter(&ours.channel("presence-room"), &ada).await;
    assert_eq!(theirs.members(&theirs.channel("presence-room")).await, 0);
    assert_eq!(
        theirs.leave(&theirs.channel("presence-room"), &ada).await,
        None
    );
    assert!(is_join(
        &theirs.enter(&theirs.channel("presence-room"), &ada).await
    ));
}

/// However many connections of one member come and go at once, there is one join and one leave.
pub async fn members_at_once_are_counted_once(harness: &dyn PresenceHarness) {
    let stage = Arc::new(Stage::open(harness).await);
    let channel = stage.channel("presence-room");
    stage.follow(&channel).await;
    let visit = |_| {
        let (stage, channel) = (Arc::clone(&stage), channel.clone());
        tokio::spawn(async move {
            let entry = entry("ada");
            stage.enter(&channel, &entry).await;
            tokio::task::yield_now().await;
            stage.leave(&channel, &entry).await.unwrap();
        })
    };
    let visits: Vec<_> = (0..20).map(visit).collect();
    for visit in visits {
        visit.await.unwrap();
    }
    let mut present = 0;
    for change in stage.hear(&channel, 40).await {
        match change {
            PresenceChange::Entered { first, .. } => {
                assert_eq!(first, present == 0);
                present += 1;
            }
            PresenceChange::Left { last, .. } => {
                present -= 1;
                assert_eq!(last, present == 0);
            }
            PresenceChange::Updated { .. } => panic!("nobody updated"),
        }
    }
    assert_eq!((present, stage.members(&channel).await), (0, 0));
}
