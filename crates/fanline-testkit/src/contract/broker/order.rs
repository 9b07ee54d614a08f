//! One total order per channel.

use std::sync::Arc;

use bytes::Bytes;
use fanline_broker::Outcome;
use fanline_model::{ConnectionId, Header, Origin, Payload, Retention, SystemRandom, UserId};

use super::harness::BrokerHarness;
use super::stage::{Stage, appended, ephemeral, only, seqs, text, texts};

/// `seq` rises by exactly one per logged message.
pub async fn the_first_message_has_seq_1_and_each_logged_one_the_next(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let first = stage.publish(&channel, "a").await;
    assert_eq!(first.seq, 1);
    for expected in 2..20 {
        let next = stage.publish(&channel, "b").await;
        assert_eq!((next.epoch, next.seq), (first.epoch, expected));
    }
    assert_eq!(stage.head(&channel).await.unwrap().position.seq, 19);
}

/// One outcome per draft, in order.
pub async fn a_call_is_numbered_in_order_with_one_outcome_per_draft(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    let drafts = vec![text("a"), ephemeral("b"), text("c")];
    let outcomes = stage.publish_drafts(&channel, drafts).await;
    let seqs: Vec<_> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Outcome::Appended { position } => position.map(|position| position.seq),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seqs, [Some(1), None, Some(2)]);
    assert_eq!(texts(&stage.page(&channel, 0).await.messages), ["a", "c"]);
}

/// Followers hear messages in that order.
pub async fn followers_hear_what_the_log_holds_in_its_order(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.follow(&channel).await;
    stage.publish_many(&channel, 30).await;
    let heard = stage.hear(&channel, 30).await;
    assert_eq!(seqs(&heard), (1..=30).collect::<Vec<_>>());
    assert_eq!(heard, stage.page(&channel, 0).await.messages);
}

/// Nothing of what the publisher said is lost on the way, to the log or to a follower.
pub async fn a_message_is_carried_whole(harness: &dyn BrokerHarness) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.follow(&channel).await;
    let mut draft = text("");
    draft.payload = Payload::json(Bytes::from_static(b"{ \"a\" : 1.0 }"));
    draft.name = Some("moved".into());
    draft.key = Some("order-1".into());
    draft.origin = Origin {
        connection: Some(ConnectionId::generate(&SystemRandom)),
        exclude: Some(ConnectionId::generate(&SystemRandom)),
        client_id: Some(UserId::parse("auth0|ü 5").unwrap()),
    };
    draft.headers = vec![
        Header {
            name: "x-a".into(),
            value: "1".into(),
        },
        Header {
            name: "x-a".into(),
            value: "".into(),
        },
    ];
    draft.removed = true;
    draft.traceparent = Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into());
    draft.attributes = vec![("pusher".into(), Bytes::from_static(&[0, 255, 7]))];
    let position = appended(only(
        stage.publish_drafts(&channel, vec![draft.clone()]).await,
    ));

    let heard = only(stage.hear(&channel, 1).await);
    assert_eq!(heard.draft, draft);
    assert_eq!((heard.position, heard.fork), (Some(position), None));
    assert_eq!(only(stage.page(&channel, 0).await.messages), heard);
}

/// Ephemeral drafts are carried without being numbered or kept.
pub async fn an_ephemeral_message_is_carried_and_neither_numbered_nor_kept(
    harness: &dyn BrokerHarness,
) {
    let stage = Stage::open(harness).await;
    let channel = stage.channel("orders.1");
    stage.follow(&channel).await;
    let outcomes = stage
        .publish_drafts(&channel, vec![ephemeral("moving")])
        .await;
    assert_eq!(outcomes, [Outcome::Appended { position: None }]);
    let heard = only(stage.hear(&channel, 1).await);
    assert!(heard.draft.ephemeral && heard.position.is_none());
    let page = stage.page(&channel, 0).await;
    assert_eq!((page.head.position.seq, page.messages.len()), (0, 0));
}

/// `None` where the namespace keeps no log.
pub async fn without_a_log_nothing_is_numbered(harness: &dyn BrokerHarness) {
    let mut stage = Stage::open(harness).await;
    stage.retention = Retention {
        history: None,
        ..stage.retention
    };
    let channel = stage.channel("typing.1");
    stage
        .broker()
        .follow(&channel, &stage.retention)
        .await
        .unwrap();
    let outcomes = stage
        .publish_drafts(&channel, vec![text("a"), text("b")])
        .await;
    assert_eq!(outcomes, vec![Outcome::Appended { position: None }; 2]);
    let heard = stage.hear(&channel, 2).await;
    assert_eq!(texts(&heard), ["a", "b"]);
    assert!(heard.iter().all(|message| message.position.is_none()));
}

/// No position is ever used twice, and none is left out, however many publish at once.
pub async fn publishers_at_once_never_share_a_position(harness: &dyn BrokerHarness) {
    let stage = Arc::new(Stage::open(harness).await);
    let channel = stage.channel("orders.1");
    stage.follow(&channel).await;
    let publish = |publisher: usize| {
        let (stage, channel) = (Arc::clone(&stage), channel.clone());
        tokio::spawn(async move {
            let mut seqs = Vec::new();
            for n in 0..25 {
                seqs.push(
                    stage
                        .publish(&channel, &format!("{publisher}.{n}"))
                        .await
                        .seq,
                );
                tokio::task::yield_now().await;
            }
            seqs
        })
    };
    let publishers: Vec<_> = (0..8).map(publish).collect();
    let mut all = Vec::new();
    for publisher in publishers {
        let seqs = publisher.await.unwrap();
        assert!(
            seqs.is_sorted(),
            "a publisher's own messages stand in its order: {seqs:?}"
        );
        all.extend(seqs);
    }
    all.sort_unstable();
    assert_eq!(all, (1..=200).collect::<Vec<_>>());
    assert_eq!(seqs(&stage.hear(&channel, 200).await), all);
}

/// A call is one atomic act: nothing of another call stands between its messages.
pub async fn the_messages_of_one_call_stand_together(harness: &dyn BrokerHarness) {
    let stage = Arc::new(Stage::open(harness).await);
    let channel = stage.channel("orders.1");
    let publish = |publisher: usize| {
        let (stage, channel) = (Arc::clone(&stage), channel.clone());
        tokio::spawn(async move {
            for _ in 0..10 {
                let drafts = (0..5).map(|n| text(&format!("{publisher}.{n}"))).collect();
                let outcomes = stage.publish_drafts(&channel, drafts).await;
                let seqs: Vec<_> = outcomes
                    .into_iter()
                    .map(|outcome| appended(outcome).seq)
                    .collect();
                assert!(
                    seqs.windows(2).all(|pair| pair[1] == pair[0] + 1),
                    "{seqs:?}"
                );
                tokio::task::yield_now().await;
            }
        })
    };
    let publishers: Vec<_> = (0..4).map(publish).collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
}
