//! Nothing in this port reaches across apps.

use super::harness::BrokerHarness;
use super::stage::{Stage, appended, named, only, texts};

/// Positions, logs and ids of one app are its own.
pub async fn the_same_name_in_two_apps_is_two_channels(harness: &dyn BrokerHarness) {
    let ours = Stage::open(harness).await;
    let theirs = ours.other_app();
    let (our_channel, their_channel) = (ours.channel("orders.1"), theirs.channel("orders.1"));
    let our_first = appended(only(
        ours.publish_drafts(&our_channel, vec![named("k", "ours")])
            .await,
    ));
    assert_eq!(theirs.head(&their_channel).await, None);
    let their_first = appended(only(
        theirs
            .publish_drafts(&their_channel, vec![named("k", "theirs")])
            .await,
    ));
    assert_eq!((our_first.seq, their_first.seq), (1, 1));
    assert_ne!(our_first.epoch, their_first.epoch);
    assert_eq!(texts(&ours.page(&our_channel, 0).await.messages), ["ours"]);
    assert_eq!(
        texts(&theirs.page(&their_channel, 0).await.messages),
        ["theirs"]
    );
}

/// What one app publishes is carried under its own id alone.
pub async fn no_app_hears_another(harness: &dyn BrokerHarness) {
    let ours = Stage::open(harness).await;
    let theirs = ours.other_app();
    let (our_channel, their_channel) = (ours.channel("orders.1"), theirs.channel("orders.1"));
    ours.follow(&our_channel).await;
    theirs.publish(&their_channel, "secret").await;
    ours.hush(&our_channel).await;
    assert_eq!(texts(&ours.ear.messages(&our_channel)), ["a last word"]);
    assert_eq!(ours.ear.of(&their_channel), []);
}

/// The user channel is a kind, not a parsed name.
pub async fn the_channel_of_a_user_is_no_named_channel(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let (user, name) = (stage.channel("#user:5"), stage.channel("5"));
    stage.publish(&user, "for the user").await;
    stage.publish(&name, "for the channel").await;
    assert_eq!(
        texts(&stage.page(&user, 0).await.messages),
        ["for the user"]
    );
    assert_eq!(
        texts(&stage.page(&name, 0).await.messages),
        ["for the channel"]
    );
}
