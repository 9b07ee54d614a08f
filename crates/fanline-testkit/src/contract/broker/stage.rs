//! One broker, an app of its own, and short words for what tests do with it.

use std::sync::Arc;
use std::time::Duration;

use fanline_broker::{
    Broker, ChannelId, Condition, Head, Outcome, Page, PageLimit, Publish, PublishError,
};
use fanline_model::{
    AppId, Channel, Draft, History, Message, MessageId, Payload, Position, Retention, SystemRandom,
};

use super::harness::{BrokerHarness, BrokerSetup, BrokerUnderTest, Faults};
use crate::contract::ear::{Ear, Heard};

/// A page that takes all.
pub(crate) const ALL: PageLimit = PageLimit {
    messages: usize::MAX,
    bytes: usize::MAX,
};

/// A broker under test.
pub(crate) struct Stage {
    pub(crate) under_test: Arc<dyn BrokerUnderTest>,
    pub(crate) ear: Arc<Ear>,
    pub(crate) app: AppId,
    pub(crate) retention: Retention,
}

impl Stage {
    pub(crate) async fn open(harness: &dyn BrokerHarness) -> Self {
        Self::with(harness, BrokerSetup::default()).await
    }

    pub(crate) async fn with(harness: &dyn BrokerHarness, setup: BrokerSetup) -> Self {
        let ear = Arc::new(Ear::default());
        let under_test = harness.start(Arc::clone(&ear) as _, setup).await;
        Self {
            under_test,
            ear,
            app: AppId::generate(&SystemRandom),
            retention: Retention::default(),
        }
    }

    /// The same broker as another app sees it.
    pub(crate) fn other_app(&self) -> Self {
        Self {
            under_test: Arc::clone(&self.under_test),
            ear: Arc::clone(&self.ear),
            app: AppId::generate(&SystemRandom),
            retention: self.retention,
        }
    }

    pub(crate) fn broker(&self) -> &Arc<dyn Broker> {
        self.under_test.broker()
    }

    pub(crate) fn faults(&self) -> &dyn Faults {
        self.under_test
            .faults()
            .expect("a harness for this suite has faults")
    }

    pub(crate) async fn advance(&self, by: Duration) {
        self.under_test.advance(by).await;
    }

    pub(crate) fn channel(&self, name: &str) -> ChannelId {
        ChannelId::new(self.app.clone(), Channel::parse(name).unwrap())
    }

    /// A publish of these drafts with nothing else asked.
    pub(crate) fn call(&self, channel: &ChannelId, drafts: Vec<Draft>) -> Publish {
        Publish {
            channel: channel.clone(),
            drafts,
            retention: self.retention,
            condition: None,
            retry: false,
            items_hash: None,
        }
    }

    pub(crate) async fn send(&self, publish: Publish) -> Result<Vec<Outcome>, PublishError> {
        self.broker().publish(publish).await
    }

    pub(crate) async fn publish_drafts(
        &self,
        channel: &ChannelId,
        drafts: Vec<Draft>,
    ) -> Vec<Outcome> {
        self.send(self.call(channel, drafts)).await.unwrap()
    }

    pub(crate) async fn publish_if(
        &self,
        channel: &ChannelId,
        condition: Condition,
        draft: Draft,
    ) -> Outcome {
        let publish = Publish {
            condition: Some(condition),
            ..self.call(channel, vec![draft])
        };
        only(self.send(publish).await.unwrap())
    }

    /// Publishes one text and answers its position.
    pub(crate) async fn publish(&self, channel: &ChannelId, payload: &str) -> Position {
        appended(only(
            self.publish_drafts(channel, vec![text(payload)]).await,
        ))
    }

    /// Publishes as many texts as said, each in a call of its own.
    pub(crate) async fn publish_many(&self, channel: &ChannelId, count: usize) {
        for n in 0..count {
            self.publish(channel, &n.to_string()).await;
        }
    }

    pub(crate) async fn follow(&self, channel: &ChannelId) -> Head {
        self.broker()
            .follow(channel, &self.retention)
            .await
            .unwrap()
            .expect("a channel with a log")
    }

    pub(crate) async fn page(&self, channel: &ChannelId, after: u64) -> Page {
        self.broker()
            .read(channel, after, ALL)
            .await
            .unwrap()
            .expect("a channel with a log")
    }

    pub(crate) async fn state(&self, channel: &ChannelId) -> Page {
        self.broker()
            .state(channel)
            .await
            .unwrap()
            .expect("a channel with a log")
    }

    pub(crate) async fn head(&self, channel: &ChannelId) -> Option<Head> {
        self.broker().head(channel).await.unwrap()
    }

    /// Waits until so many messages of the channel were heard, and answers all that were.
    pub(crate) async fn hear(&self, channel: &ChannelId, count: usize) -> Vec<Arc<Message>> {
        let messages = |heard: &[Heard]| {
            heard
                .iter()
                .filter(|h| matches!(h, Heard::Message(_)))
                .count()
        };
        self.ear
            .until(channel, |heard| messages(heard) >= count)
            .await;
        self.ear.messages(channel)
    }

    /// Publishes a last word and waits for it, so that whatever was to be heard before it was heard.
    pub(crate) async fn hush(&self, channel: &ChannelId) {
        let last = text("a last word");
        let id = last.id.clone();
        self.publish_drafts(channel, vec![last]).await;
        let is_last = |heard: &Heard| matches!(heard, Heard::Message(m) if m.draft.id == id);
        self.ear
            .until(channel, |heard| heard.iter().any(is_last))
            .await;
    }
}

/// A text with an id that the server made.
pub(crate) fn text(payload: &str) -> Draft {
    Draft::new(MessageId::generate(&SystemRandom), Payload::text(payload))
}

/// A text with an id that the publisher gave.
pub(crate) fn named(id: &str, payload: &str) -> Draft {
    Draft::new(MessageId::parse(id).unwrap(), Payload::text(payload))
}

/// A text that becomes the last value of a key.
pub(crate) fn keyed(key: &str, payload: &str) -> Draft {
    Draft {
        key: Some(key.into()),
        ..text(payload)
    }
}

pub(crate) fn ephemeral(payload: &str) -> Draft {
    Draft {
        ephemeral: true,
        ..text(payload)
    }
}

/// The rule that keeps so many messages.
pub(crate) fn keeping(messages: usize) -> Retention {
    Retention {
        history: Some(History {
            messages,
            ..History::default()
        }),
        ..Retention::default()
    }
}

pub(crate) fn appended(outcome: Outcome) -> Position {
    match outcome {
        Outcome::Appended {
            position: Some(position),
        } => position,
        other => panic!("not appended with a position: {other:?}"),
    }
}

pub(crate) fn only<T: std::fmt::Debug>(mut list: Vec<T>) -> T {
    assert_eq!(list.len(), 1, "{list:?}");
    list.remove(0)
}

pub(crate) fn seqs(messages: &[Arc<Message>]) -> Vec<u64> {
    messages
        .iter()
        .filter_map(|message| message.position)
        .map(|position| position.seq)
        .collect()
}

pub(crate) fn texts(messages: &[Arc<Message>]) -> Vec<&str> {
    messages
        .iter()
        .filter_map(|message| message.draft.payload.as_text())
        .collect()
}
