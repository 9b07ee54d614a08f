//! A feed that remembers what it heard, in order.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fanline_broker::{ChannelId, Feed, PresenceChange};
use fanline_model::Message;
use tokio::sync::Notify;

/// How long anything may take to be heard before a test gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// One call of the feed.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A message.
    Message(Arc<Message>),
    /// A change of members.
    Presence(PresenceChange),
    /// Messages may have been missed.
    Disrupted,
}

/// Remembers everything.
#[derive(Debug, Default)]
pub struct Ear {
    heard: Mutex<Vec<(ChannelId, Heard)>>,
    news: Notify,
}

impl Ear {
    /// Everything heard of a channel so far.
    pub fn of(&self, channel: &ChannelId) -> Vec<Heard> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .iter()
            .filter(|(of, _)| of == channel)
            .map(|(_, what)| what.clone())
            .collect()
    }

    /// The messages heard of a channel so far.
    pub fn messages(&self, channel: &ChannelId) -> Vec<Arc<Message>> {
        let message = |heard| match heard {
            Heard::Message(message) => Some(message),
            _ => None,
        };
        self.of(channel).into_iter().filter_map(message).collect()
    }

    /// The changes of members heard of a channel so far.
    pub fn changes(&self, channel: &ChannelId) -> Vec<PresenceChange> {
        let change = |heard| match heard {
            Heard::Presence(change) => Some(change),
            _ => None,
        };
        self.of(channel).into_iter().filter_map(change).collect()
    }

    /// Waits until `enough` says so of what was heard of the channel, and answers that.
    pub async fn until(
        &self,
        channel: &ChannelId,
        enough: impl Fn(&[Heard]) -> bool,
    ) -> Vec<Heard> {
        let wait = async {
            loop {
                let news = self.news.notified();
                let heard = self.of(channel);
                if enough(&heard) {
                    return heard;
                }
                news.await;
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(heard) => heard,
            Err(_) => panic!(
                "waited in vain; heard of {channel} so far: {:#?}",
                self.of(channel)
            ),
        }
    }

    fn hear(&self, channel: &ChannelId, what: Heard) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push((channel.clone(), what));
        drop(heard);
        self.news.notify_waiters();
    }
}

impl Feed for Ear {
    fn message(&self, channel: &ChannelId, message: Arc<Message>) {
        self.hear(channel, Heard::Message(message));
    }

    fn presence(&self, channel: &ChannelId, change: PresenceChange) {
        self.hear(channel, Heard::Presence(change));
    }

    fn disrupted(&self, channel: &ChannelId) {
        self.hear(channel, Heard::Disrupted);
    }
}
