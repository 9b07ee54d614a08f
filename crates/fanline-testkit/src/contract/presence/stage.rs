//! One presence, an app of its own, and short words for what tests do with it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanline_broker::{ChannelId, Entry, Presence, PresenceChange, Roster};
use fanline_model::{AppId, Channel, ConnectionId, Retention, SystemRandom, UserId};

use super::harness::{PresenceHarness, PresenceUnderTest};
use crate::contract::ear::Ear;

pub(crate) const LEASE: Duration = Duration::from_secs(30);
pub(crate) const MANY: usize = 1_000;

/// A presence under test.
pub(crate) struct Stage {
    pub(crate) under_test: Arc<dyn PresenceUnderTest>,
    pub(crate) ear: Arc<Ear>,
    pub(crate) app: AppId,
}

impl Stage {
    pub(crate) async fn open(harness: &dyn PresenceHarness) -> Self {
        let ear = Arc::new(Ear::default());
        let under_test = harness.start(Arc::clone(&ear) as _).await;
        Self {
            under_test,
            ear,
            app: AppId::generate(&SystemRandom),
        }
    }

    /// The same presence as another app sees it.
    pub(crate) fn other_app(&self) -> Self {
        Self {
            under_test: Arc::clone(&self.under_test),
            ear: Arc::clone(&self.ear),
            app: AppId::generate(&SystemRandom),
        }
    }

    pub(crate) fn presence(&self) -> &Arc<dyn Presence> {
        self.under_test.presence()
    }

    pub(crate) fn channel(&self, name: &str) -> ChannelId {
        ChannelId::new(self.app.clone(), Channel::parse(name).unwrap())
    }

    pub(crate) async fn follow(&self, channel: &ChannelId) {
        self.under_test
            .broker()
            .follow(channel, &Retention::default())
            .await
            .unwrap();
    }

    pub(crate) async fn advance(&self, by: Duration) {
        self.under_test.advance(by).await;
    }

    pub(crate) async fn enter(&self, channel: &ChannelId, entry: &Entry) -> PresenceChange {
        self.presence()
            .enter(channel, entry.clone(), LEASE, MANY)
            .await
            .unwrap()
    }

    pub(crate) async fn leave(&self, channel: &ChannelId, entry: &Entry) -> Option<PresenceChange> {
        self.presence()
            .leave(channel, &entry.member, entry.connection)
            .await
            .unwrap()
    }

    pub(crate) async fn refresh(&self, channel: &ChannelId, entries: &[&Entry]) -> Vec<bool> {
        let key = |entry: &&Entry| (channel.clone(), entry.member.clone(), entry.connection);
        let keys: Vec<_> = entries.iter().map(key).collect();
        self.presence().refresh(&keys, LEASE).await.unwrap()
    }

    pub(crate) async fn roster(&self, channel: &ChannelId) -> Roster {
        self.presence().roster(channel, None, MANY).await.unwrap()
    }

    pub(crate) async fn members(&self, channel: &ChannelId) -> usize {
        self.presence().members(channel).await.unwrap()
    }

    /// Waits until so many changes of the channel were heard, and answers all that were.
    pub(crate) async fn hear(&self, channel: &ChannelId, count: usize) -> Vec<PresenceChange> {
        self.ear.until(channel, |heard| heard.len() >= count).await;
        self.ear.changes(channel)
    }
}

/// An entry of the member on a connection of its own.
pub(crate) fn entry(member: &str) -> Entry {
    Entry {
        member: UserId::parse(member).unwrap(),
        connection: ConnectionId::generate(&SystemRandom),
        info: Some(Bytes::from_static(b"{\"name\":\"vouched\"}")),
        data: None,
    }
}

pub(crate) fn is_join(change: &PresenceChange) -> bool {
    matches!(change, PresenceChange::Entered { first: true, .. })
}

pub(crate) fn is_parting(change: &PresenceChange) -> bool {
    matches!(change, PresenceChange::Left { last: true, .. })
}
