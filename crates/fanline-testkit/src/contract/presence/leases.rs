//! Every entry that is not refreshed within its lease leaves, exactly once.

use std::time::Duration;

use super::harness::PresenceHarness;
use super::stage::{LEASE, Stage, entry, is_join, is_parting};

const MOMENT: Duration = Duration::from_secs(1);

/// Whoever notices: it leaves once, and followers hear it once.
pub async fn an_entry_that_is_not_refreshed_leaves_once(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    stage.follow(&channel).await;
    let ada = entry("ada");
    stage.enter(&channel, &ada).await;
    stage.advance(LEASE - MOMENT).await;
    assert_eq!(stage.presence().reap().await, Ok(0));
    stage.advance(MOMENT * 2).await;
    assert_eq!(stage.presence().reap().await, Ok(1));
    assert_eq!(stage.presence().reap().await, Ok(0));
    assert_eq!(stage.leave(&channel, &ada).await, None);
    let heard = stage.hear(&channel, 2).await;
    assert!(
        heard.len() == 2 && is_join(&heard[0]) && is_parting(&heard[1]),
        "{heard:?}"
    );
}

/// A refresh prolongs the lease.
pub async fn a_refreshed_entry_stays(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let (ada, bob) = (entry("ada"), entry("bob"));
    stage.enter(&channel, &ada).await;
    stage.enter(&channel, &bob).await;
    for _ in 0..3 {
        stage.advance(LEASE - MOMENT).await;
        assert_eq!(stage.refresh(&channel, &[&ada]).await, [true]);
    }
    stage.presence().reap().await.unwrap();
    let members: Vec<_> = stage
        .roster(&channel)
        .await
        .entries
        .iter()
        .map(|entry| entry.member.clone())
        .collect();
    assert_eq!(members, [ada.member]);
}

/// Entries that are gone are answered, in order, with `false`; they do not come back.
pub async fn a_refresh_names_what_is_gone(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let (ada, bob, never) = (entry("ada"), entry("bob"), entry("eve"));
    stage.enter(&channel, &ada).await;
    stage.advance(MOMENT * 2).await;
    stage.enter(&channel, &bob).await;
    stage.advance(LEASE - MOMENT).await;
    assert_eq!(
        stage.refresh(&channel, &[&ada, &bob, &never]).await,
        [false, true, false]
    );
    assert_eq!(stage.members(&channel).await, 1);
    let elsewhere = stage.channel("presence-elsewhere");
    assert_eq!(stage.refresh(&elsewhere, &[&bob]).await, [false]);
}

/// Before anybody reaps: no roster, count or limit holds what outlived its lease.
pub async fn what_outlived_its_lease_is_gone_for_everyone_who_asks(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let (one, two, three) = (
        stage.channel("presence-1"),
        stage.channel("presence-2"),
        stage.channel("presence-3"),
    );
    for channel in [&one, &two, &three] {
        stage.enter(channel, &entry("ada")).await;
    }
    stage.advance(LEASE + MOMENT).await;
    assert_eq!(stage.members(&one).await, 0);
    assert_eq!(stage.roster(&two).await.entries, []);
    let bob = stage
        .presence()
        .enter(&three, entry("bob"), LEASE, 1)
        .await
        .unwrap();
    assert!(is_join(&bob));
}

/// Entering starts the lease.
pub async fn entering_again_starts_the_lease_again(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    let ada = entry("ada");
    stage.enter(&channel, &ada).await;
    stage.advance(LEASE - MOMENT).await;
    stage.enter(&channel, &ada).await;
    stage.advance(LEASE - MOMENT).await;
    assert_eq!(stage.members(&channel).await, 1);
}

/// A member with two connections leaves when the second lease ends.
pub async fn a_member_leaves_with_its_last_lease(harness: &dyn PresenceHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("presence-room");
    stage.follow(&channel).await;
    stage.enter(&channel, &entry("ada")).await;
    stage.advance(MOMENT * 5).await;
    stage.enter(&channel, &entry("ada")).await;
    stage.advance(LEASE - MOMENT).await;
    assert_eq!(stage.presence().reap().await, Ok(1));
    assert_eq!(stage.members(&channel).await, 1);
    stage.advance(MOMENT * 2).await;
    assert_eq!(stage.presence().reap().await, Ok(1));
    let partings: Vec<_> = stage
        .hear(&channel, 4)
        .await
        .iter()
        .map(is_parting)
        .collect();
    assert_eq!(partings, [false, false, false, true]);
}
