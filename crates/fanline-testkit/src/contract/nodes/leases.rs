//! Who is not announced within its lease is not listed.

use std::time::Duration;

use super::harness::NodesHarness;
use super::stage::{LEASE, Stage, node, restarted};

const MOMENT: Duration = Duration::from_secs(1);

/// Others stay.
pub async fn whoever_falls_silent_is_listed_no_longer_than_its_lease(harness: &dyn NodesHarness) {
    let stage = Stage::open(harness).await;
    let (silent, speaking) = (node("a"), node("b"));
    stage.announce(&silent).await;
    stage.advance(LEASE - MOMENT).await;
    stage.announce(&speaking).await;
    assert_eq!(stage.listed().await, [silent, speaking.clone()]);
    stage.advance(MOMENT * 2).await;
    assert_eq!(stage.listed().await, [speaking]);
    stage.advance(LEASE).await;
    assert_eq!(stage.listed().await, []);
}

/// However often.
pub async fn an_announcement_begins_the_lease_anew(harness: &dyn NodesHarness) {
    let stage = Stage::open(harness).await;
    let one = node("one");
    for _ in 0..3 {
        stage.announce(&one).await;
        stage.advance(LEASE - MOMENT).await;
    }
    assert_eq!(stage.listed().await, [one]);
}

/// Others stay.
pub async fn whoever_withdraws_is_gone_at_once(harness: &dyn NodesHarness) {
    let stage = Stage::open(harness).await;
    let (one, two) = (node("one"), node("two"));
    stage.announce(&one).await;
    stage.announce(&two).await;
    stage.withdraw(&one).await;
    assert_eq!(stage.listed().await, [two]);
}

/// A process that stops late must not take away the one that replaced it.
pub async fn a_former_life_withdraws_nothing_of_the_present_one(harness: &dyn NodesHarness) {
    let stage = Stage::open(harness).await;
    let former = node("one");
    let present = restarted(&former);
    stage.announce(&former).await;
    stage.announce(&present).await;
    stage.withdraw(&former).await;
    assert_eq!(stage.listed().await, [present]);
}

/// After its lease ended, and after it withdrew.
pub async fn whoever_is_gone_may_come_back(harness: &dyn NodesHarness) {
    let stage = Stage::open(harness).await;
    let one = node("one");
    stage.announce(&one).await;
    stage.advance(LEASE + MOMENT).await;
    assert_eq!(stage.listed().await, []);
    stage.announce(&one).await;
    assert_eq!(stage.listed().await.len(), 1);
    stage.withdraw(&one).await;
    stage.announce(&one).await;
    assert_eq!(stage.listed().await, [one]);
}
