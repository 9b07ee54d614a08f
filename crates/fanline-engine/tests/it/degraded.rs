//! What clients hear of a broker that goes away and comes back.

use fanline_testkit::engine_world::{World, pass, settle};
use fanline_testkit::stub_guest::Said;

const AWAY: Said = Said::Degraded { degraded: true };
const BACK: Said = Said::Degraded { degraded: false };

#[tokio::test(start_paused = true)]
async fn everybody_is_told_once_that_the_broker_is_away_and_once_that_it_is_back() {
    let world = World::new();
    let (mut ann, mut bob) = (world.guest().await, world.guest().await);
    pass(2).await;
    assert_eq!((ann.heard(), bob.heard()), (vec![], vec![]));
    world.gate.miss(true);
    pass(2).await;
    assert!(world.engine.is_degraded());
    assert_eq!((ann.heard(), bob.heard()), (vec![AWAY], vec![AWAY]));
    world.gate.miss(false);
    pass(2).await;
    assert_eq!((ann.heard(), bob.heard()), (vec![BACK], vec![BACK]));
}

#[tokio::test(start_paused = true)]
async fn who_connects_meanwhile_is_told_right_after_the_greeting() {
    let world = World::new();
    world.gate.miss(true);
    let mut ann = world.guest().await;
    settle().await;
    assert_eq!(ann.heard(), [AWAY]);
    pass(2).await;
    assert_eq!(ann.heard(), []);
}

#[tokio::test(start_paused = true)]
async fn who_has_not_said_who_they_are_is_told_nothing() {
    let world = World::new();
    let mut stranger = world.dial();
    world.gate.miss(true);
    pass(2).await;
    assert_eq!(stranger.heard(), []);
}
