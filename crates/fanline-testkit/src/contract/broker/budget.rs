//! Over budget refuses that app alone.

use std::time::Duration;

use fanline_broker::{BrokerError, Publish, PublishError};
use fanline_model::History;

use super::harness::{BrokerHarness, BrokerSetup};
use super::stage::{Stage, keeping, named, text};

const OVER: BrokerError = BrokerError::OverBudget;

/// A new channel beyond the budget is refused; those that exist go on, and so do other apps.
pub async fn one_channel_too_many_refuses_that_app_alone(harness: &dyn BrokerHarness) {
    let stage = Stage::with(
        harness,
        BrokerSetup {
            channels: 2,
            ..BrokerSetup::default()
        },
    )
    .await;
    let (one, two, three) = (
        stage.channel("one"),
        stage.channel("two"),
        stage.channel("three"),
    );
    stage.publish(&one, "a").await;
    stage.follow(&two).await;
    let published = stage.send(stage.call(&three, vec![text("a")])).await;
    assert_eq!(published, Err(PublishError::Broker(OVER)));
    assert_eq!(
        stage.broker().follow(&three, &stage.retention).await,
        Err(OVER)
    );
    stage.publish(&one, "b").await;
    stage.publish(&two, "a").await;
    let other = stage.other_app();
    other.publish(&other.channel("three"), "a").await;
}

/// Bytes beyond the budget are refused, wherever in the app they would stand.
pub async fn bytes_beyond_the_budget_refuse_that_app_alone(harness: &dyn BrokerHarness) {
    let setup = BrokerSetup {
        replay_bytes: 4 * text("0").weight(),
        ..BrokerSetup::default()
    };
    let stage = Stage::with(harness, setup).await;
    let (one, two) = (stage.channel("one"), stage.channel("two"));
    stage.publish_many(&one, 2).await;
    stage.publish_many(&two, 2).await;
    for channel in [&one, &two] {
        let refused = stage.send(stage.call(channel, vec![text("0")])).await;
        assert_eq!(refused, Err(PublishError::Broker(OVER)));
    }
    let other = stage.other_app();
    other.publish_many(&other.channel("one"), 4).await;
}

/// What a publish evicts makes room for it.
pub async fn a_full_log_makes_room_for_its_own_next_message(harness: &dyn BrokerHarness) {
    let setup = BrokerSetup {
        replay_bytes: 4 * text("0").weight(),
        ..BrokerSetup::default()
    };
    let mut stage = Stage::with(harness, setup).await;
    stage.retention = keeping(4);
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 10).await;
    assert_eq!(stage.page(&channel, 6).await.messages.len(), 4);
}

/// Bytes come back as the log is trimmed, channels as they are forgotten.
pub async fn what_was_trimmed_is_given_back(harness: &dyn BrokerHarness) {
    let window = Duration::from_secs(60);
    let setup = BrokerSetup {
        replay_bytes: 2 * text("0").weight(),
        channels: 2,
        ..BrokerSetup::default()
    };
    let mut stage = Stage::with(harness, setup).await;
    stage.retention.history = Some(History {
        window,
        ..History::default()
    });
    stage.retention.position_ttl = 2 * window;
    stage.publish_many(&stage.channel("one"), 2).await;
    stage.advance(window + Duration::from_secs(2)).await;
    stage.publish_many(&stage.channel("two"), 2).await;
    stage.advance(2 * window).await;
    stage.publish_many(&stage.channel("three"), 2).await;
}

/// An error: none is published, and nothing is recorded.
pub async fn a_refused_publish_leaves_nothing(harness: &dyn BrokerHarness) {
    let setup = BrokerSetup {
        replay_bytes: 4 * text("0").weight(),
        ..BrokerSetup::default()
    };
    let stage = Stage::with(harness, setup).await;
    let channel = stage.channel("orders.1");
    stage.publish(&channel, "0").await;
    let call = || {
        let drafts = (0..10).map(|n| named(&format!("k:{n}"), "0")).collect();
        Publish {
            items_hash: Some([1; 16]),
            ..stage.call(&channel, drafts)
        }
    };
    for _ in 0..2 {
        assert_eq!(stage.send(call()).await, Err(PublishError::Broker(OVER)));
    }
    let page = stage.page(&channel, 0).await;
    assert_eq!((page.head.position.seq, page.messages.len()), (1, 1));
    let other_body = Publish {
        items_hash: Some([2; 16]),
        ..stage.call(&channel, vec![named("k:0", "1")])
    };
    stage.send(other_body).await.unwrap();
}
