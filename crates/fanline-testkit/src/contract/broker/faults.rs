//! What is promised when something fails: a loss is declared, never silent.

use fanline_broker::{Condition, Outcome};
use fanline_model::{Fork, StateRule};

use super::harness::BrokerHarness;
use super::stage::{Stage, appended, keyed, named, only, seqs, text, texts};
use crate::contract::ear::Heard;

/// Another epoch, the lineage names the fork, and the next seq follows what survived.
pub async fn a_fork_names_what_survived_and_seq_goes_on(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 5).await;
    let before = stage.head(&channel).await.unwrap().position;
    stage.faults().fork(&channel, 3).await;
    let next = stage.publish(&channel, "after").await;
    assert_ne!(next.epoch, before.epoch);
    assert_eq!(next.seq, 4);
    let page = stage.page(&channel, 0).await;
    assert_eq!(
        page.head.lineage.forks(),
        [Fork {
            epoch: before.epoch,
            at: 3
        }]
    );
    assert_eq!(texts(&page.messages), ["0", "1", "2", "after"]);
    let epochs: Vec<_> = page
        .messages
        .iter()
        .map(|m| m.position.unwrap().epoch == next.epoch)
        .collect();
    assert_eq!(
        epochs,
        [false, false, false, true],
        "a message keeps the epoch it was numbered in"
    );
}

/// If only publish looked, a quiet channel would lie.
pub async fn a_quiet_channel_answers_the_fork_at_once(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 5).await;
    let before = stage.head(&channel).await.unwrap().position;
    stage.faults().fork(&channel, 3).await;
    let head = stage.head(&channel).await.unwrap();
    assert_eq!(
        (head.position.seq, head.lineage.survived(before.epoch)),
        (3, Some(3))
    );
    assert_ne!(head.position.epoch, before.epoch);
    assert_eq!(stage.page(&channel, 3).await.head, head);
    assert_eq!(stage.follow(&channel).await, head);
}

/// The first message after it, and no other.
pub async fn the_first_message_after_a_fork_carries_it(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 2).await;
    stage.follow(&channel).await;
    let before = stage.head(&channel).await.unwrap().position;
    stage.faults().fork(&channel, 1).await;
    stage.publish_many(&channel, 2).await;
    let fork = Some(Fork {
        epoch: before.epoch,
        at: 1,
    });
    let forks = |messages: &[std::sync::Arc<fanline_model::Message>]| {
        messages
            .iter()
            .map(|message| message.fork)
            .collect::<Vec<_>>()
    };
    assert_eq!(forks(&stage.hear(&channel, 2).await), [fork, None]);
    assert_eq!(forks(&stage.page(&channel, 1).await.messages), [fork, None]);
}

/// The record of a lost message is lost with it, else its publisher could never repair the loss.
pub async fn what_was_lost_can_be_published_again(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish(&channel, "kept").await;
    stage
        .publish_drafts(&channel, vec![named("k", "lost")])
        .await;
    stage.faults().fork(&channel, 1).await;
    let again = appended(only(
        stage
            .publish_drafts(&channel, vec![named("k", "lost")])
            .await,
    ));
    assert_eq!(again.seq, 2);
}

/// A duplicate of what survived is answered with the place it got then, in the epoch of then.
pub async fn what_survived_is_still_a_duplicate(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let kept = appended(only(
        stage
            .publish_drafts(&channel, vec![named("k", "kept")])
            .await,
    ));
    stage.publish(&channel, "lost").await;
    stage.faults().fork(&channel, 1).await;
    let again = stage
        .publish_drafts(&channel, vec![named("k", "kept")])
        .await;
    assert_eq!(
        again,
        [Outcome::Duplicate {
            position: Some(kept)
        }]
    );
}

/// Last values and versions are those of what survived.
pub async fn a_fork_takes_back_lost_values_and_versions(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention.state = Some(StateRule {
        ttl: stage.retention.position_ttl,
        keys: 10,
    });
    let channel = stage.channel("orders.1");
    stage.publish_drafts(&channel, vec![keyed("a", "1")]).await;
    let lost = stage
        .publish_if(&channel, Condition::Version(9), keyed("a", "2"))
        .await;
    stage.faults().fork(&channel, appended(lost).seq - 1).await;
    assert_eq!(texts(&stage.state(&channel).await.messages), ["1"]);
    appended(
        stage
            .publish_if(&channel, Condition::Version(9), keyed("a", "2"))
            .await,
    );
}

/// At most four forks; what is older is an unknown epoch.
pub async fn the_newest_four_forks_are_remembered(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let mut epochs = Vec::new();
    for _ in 0..6 {
        let position = stage.publish(&channel, "a").await;
        epochs.push(position.epoch);
        stage.faults().fork(&channel, position.seq).await;
    }
    let head = stage.head(&channel).await.unwrap();
    let survived: Vec<_> = epochs
        .iter()
        .map(|epoch| head.lineage.survived(*epoch))
        .collect();
    assert_eq!(survived, [None, None, Some(3), Some(4), Some(5), Some(6)]);
}

/// Metadata missing: the log is gone too, and whoever follows goes on hearing.
pub async fn forgotten_metadata_begins_an_epoch_that_continues_nothing(
    harness: &dyn BrokerHarness,
) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.follow(&channel).await;
    stage
        .publish_drafts(&channel, vec![named("k", "before")])
        .await;
    let before = stage.head(&channel).await.unwrap().position;
    stage.faults().forget(&channel).await;
    let after = appended(only(
        stage
            .publish_drafts(&channel, vec![named("k", "after")])
            .await,
    ));
    assert_ne!(after.epoch, before.epoch);
    let page = stage.page(&channel, after.seq - 1).await;
    assert_eq!(page.head.lineage.survived(before.epoch), None);
    assert_eq!(texts(&page.messages), ["after"]);
    assert_eq!(texts(&stage.hear(&channel, 2).await), ["before", "after"]);
}

/// What a follower missed can be read.
pub async fn a_lost_message_is_in_the_log(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.follow(&channel).await;
    stage.publish(&channel, "heard").await;
    stage.faults().lose_next(&channel, 2).await;
    stage.publish_many(&channel, 2).await;
    stage.hush(&channel).await;
    assert_eq!(seqs(&stage.ear.messages(&channel)), [1, 4]);
    assert_eq!(seqs(&stage.page(&channel, 1).await.messages), [2, 3, 4]);
}

/// The highest seq that can no longer be replayed.
pub async fn an_evicted_range_is_named(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.publish_many(&channel, 5).await;
    stage.faults().evict(&channel, 2).await;
    let page = stage.page(&channel, 2).await;
    assert_eq!(
        (seqs(&page.messages), page.head.evicted_through),
        (vec![3, 4, 5], 2)
    );
    assert_eq!(stage.page(&channel, 1).await.messages.len(), 0);
    stage.faults().evict(&channel, 99).await;
    assert_eq!(stage.head(&channel).await.unwrap().evicted_through, 5);
    assert_eq!(stage.publish(&channel, "next").await.seq, 6);
}

/// A disruption is announced, in order with the messages.
pub async fn a_disruption_is_announced_to_followers_alone(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let (followed, other) = (stage.channel("followed"), stage.channel("other"));
    stage.follow(&followed).await;
    stage.publish_drafts(&other, vec![text("a")]).await;
    stage.faults().disrupt(&other).await;
    stage.faults().disrupt(&followed).await;
    stage
        .ear
        .until(&followed, |heard| heard == [Heard::Disrupted])
        .await;
    assert_eq!(stage.ear.of(&other), []);
}
