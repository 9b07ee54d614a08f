//! What a protocol's HTTP side may ask of the engine.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::Condition;
use fanline_model::{Channel, Message, Position, Timestamp, UserId};
use fanline_tenancy::{AppRef, AppSnapshot, Authority, Capabilities, Proof};

use crate::command::{Exclude, Item};
use crate::event::{Continuity, Published};
use crate::refusal::Refusal;

/// A verified caller and the app it belongs to. Only the engine makes one.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The app at the moment of the call.
    pub app: Arc<AppSnapshot>,
    /// What the caller may do.
    pub authority: Authority,
}

/// Messages for one channel, as one act.
#[derive(Clone, Debug)]
pub struct PublishCall {
    /// Where to.
    pub channel: Channel,
    /// What, in order.
    pub items: Vec<Item>,
    /// What must hold, or nothing happens.
    pub condition: Option<Condition>,
    /// A connection that is left out.
    pub exclude: Exclude,
}

/// One call to many channels.
#[derive(Clone, Debug, Default)]
pub struct PublishBatch {
    /// Per channel, in the caller's order.
    pub calls: Vec<PublishCall>,
    /// The `Idempotency-Key`: items without an id get `key:n`, n counted within each channel.
    pub idempotency_key: Option<Box<str>>,
    /// The caller repeats a call whose outcome it does not know.
    pub retry: bool,
    /// Publish nothing unless every call is well formed and allowed.
    pub all_or_nothing: bool,
    /// W3C `traceparent` of the request.
    pub traceparent: Option<Box<str>>,
}

/// What became of one call of a batch: one entry per item, or why none was published.
pub type PublishResult = Result<Vec<Published>, Refusal>;

/// Which part of a log.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// The channel.
    pub channel: Channel,
    /// After this position; from the oldest kept message otherwise.
    pub since: Option<Position>,
    /// At most so many messages.
    pub limit: usize,
}

/// Part of a log.
#[derive(Clone, Debug)]
pub struct HistoryPage {
    /// The verdict on `since`.
    pub continuity: Continuity,
    /// The position before the first message of the page.
    pub from: Option<Position>,
    /// The head of the same moment.
    pub head: Option<Position>,
    /// The messages, oldest first.
    pub messages: Vec<Arc<Message>>,
    /// Whether more follow.
    pub more: bool,
}

/// Which channels to list.
#[derive(Clone, Debug, Default)]
pub struct ChannelQuery {
    /// What the names begin with.
    pub prefix: String,
    /// Names after this one, in order.
    pub after: Option<Box<str>>,
    /// At most so many.
    pub limit: usize,
}

/// What is known of a channel now.
#[derive(Clone, Debug)]
pub struct ChannelInfo {
    /// The channel.
    pub channel: Channel,
    /// How many connections follow it.
    pub connections: u64,
    /// How many distinct members are present.
    pub members: u64,
    /// The head; `None` where the channel keeps no log or was never heard of.
    pub head: Option<Position>,
}

/// What a protocol's HTTP side may ask. Every method judges the caller itself.
#[async_trait]
pub trait Realtime: Send + Sync + 'static {
    /// The time, for protocols that sign it.
    fn now(&self) -> Timestamp;

    /// Who is asking?
    async fn authenticate(&self, app: &AppRef, proof: &Proof) -> Result<Caller, Refusal>;

    /// Publishes. The outer error refuses the whole batch; then nothing was published.
    async fn publish(
        &self,
        caller: &Caller,
        batch: PublishBatch,
    ) -> Result<Vec<PublishResult>, Refusal>;

    /// Reads a log.
    async fn history(&self, caller: &Caller, query: HistoryQuery) -> Result<HistoryPage, Refusal>;

    /// What is known of a channel.
    async fn channel(&self, caller: &Caller, channel: &Channel) -> Result<ChannelInfo, Refusal>;

    /// The occupied channels, in order of their names, and whether more follow.
    async fn channels(
        &self,
        caller: &Caller,
        query: ChannelQuery,
    ) -> Result<(Vec<ChannelInfo>, bool), Refusal>;

    /// Mints a token for a client that can do no more than the caller.
    async fn mint(
        &self,
        caller: &Caller,
        subject: Option<UserId>,
        capabilities: Capabilities,
        channels: Vec<Channel>,
        lifetime: Duration,
    ) -> Result<(String, Timestamp), Refusal>;

    /// Delivers a message to one connection of the caller's app, outside of any channel's numbering.
    /// Answers whether it is on this node.
    async fn deliver(
        &self,
        caller: &Caller,
        connection: fanline_model::ConnectionId,
        channel: &Channel,
        item: Item,
    ) -> Result<bool, Refusal>;
}
