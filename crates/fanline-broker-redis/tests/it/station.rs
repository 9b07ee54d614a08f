//! One node's broker on some Redis, one channel, and short words for what tests do with them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fanline_broker::{Broker, ChannelId, Outcome, Publish, PublishError};
use fanline_broker_redis::{RedisBroker, RedisConfig};
use fanline_model::{AppId, Channel, Draft, MessageId, Payload, Retention, SystemRandom};
use fanline_testkit::contract::ear::{Ear, Heard};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Long enough for anything; only a test that fails waits so long.
const GENEROUS: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) struct Station {
    pub(crate) broker: Arc<RedisBroker>,
    pub(crate) channel: ChannelId,
    ear: Arc<Ear>,
    running: JoinHandle<()>,
}

impl Station {
    pub(crate) fn on(config: RedisConfig) -> Self {
        let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 1_000));
        let ear = Arc::new(Ear::default());
        broker.set_feed(Arc::clone(&ear) as _);
        let running = {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move { broker.run(std::future::pending()).await })
        };
        let app = AppId::generate(&SystemRandom);
        Self {
            broker,
            channel: ChannelId::new(app, Channel::parse("orders.1").unwrap()),
            ear,
            running,
        }
    }

    pub(crate) async fn follow(&self) {
        let retention = Retention::default();
        let following = self.broker.follow(&self.channel, &retention);
        timeout(GENEROUS, following).await.unwrap().unwrap();
    }

    pub(crate) async fn publish(&self, text: &str) -> Result<Vec<Outcome>, PublishError> {
        let id = MessageId::generate(&SystemRandom);
        let publish = Publish {
            channel: self.channel.clone(),
            drafts: vec![Draft::new(id, Payload::text(text))],
            retention: Retention::default(),
            condition: None,
            retry: false,
            items_hash: None,
        };
        self.broker.publish(publish).await
    }

    pub(crate) async fn hears(&self, text: &str) {
        let is_it = |heard: &Heard| matches!(heard, Heard::Message(message) if message.draft.payload.as_text() == Some(text));
        self.ear
            .until(&self.channel, |heard| heard.iter().any(is_it))
            .await;
    }

    /// Follows, publishes and hears.
    pub(crate) async fn carries_messages(&self) {
        self.follow().await;
        self.publish("carried").await.unwrap();
        self.hears("carried").await;
    }

    /// Waits until the broker says whether Redis is there.
    pub(crate) async fn until_available(&self, available: bool) {
        let turned = async {
            while self.broker.is_available() != available {
                sleep(PAUSE).await;
            }
        };
        timeout(GENEROUS, turned).await.unwrap();
    }

    /// Waits until the first contact is made.
    pub(crate) async fn until_contact(&self) {
        let missing = Mutex::new(String::new());
        let contact = self
            .broker
            .first_contact(|now| *missing.lock().unwrap() = now);
        if timeout(GENEROUS, contact).await.is_err() {
            panic!("no contact: {}", missing.lock().unwrap());
        }
    }

    /// Waits until what is missing for the first contact is told in words that contain this.
    pub(crate) async fn until_missing(&self, words: &str) {
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let contact = self.broker.first_contact(move |missing| {
            let _ = tell.send(missing);
        });
        let heard = async { while !told.recv().await.unwrap().contains(words) {} };
        tokio::select! {
            () = contact => panic!("nothing is missing"),
            heard = timeout(GENEROUS, heard) => heard.unwrap(),
        }
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.running.abort();
    }
}
