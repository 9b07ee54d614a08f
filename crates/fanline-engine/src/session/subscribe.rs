//! Subscribing: permit, join, follow, judge the position, catch up, hear the feed.

use std::sync::Arc;
use std::time::Duration;

use fanline_broker::{ChannelId, PageLimit};
use fanline_model::{Channel, ErrorCode, Position, Timestamp};
use fanline_protocol::{
    Command, Continuity, Event, Refusal, Start, Subscribe, SubscribedEvent, Tag, UnsubscribeReason,
};
use fanline_tenancy::access::{Action, decide};
use fanline_tenancy::{Access, AppSnapshot, NamespaceRule};

use super::subscriptions::Subscription;
use super::{Done, Hold, Session};
use crate::hub::{self, ChannelFeed, Hub, Reader, Step, Welcome};
use crate::outbox::Slot;

/// How long a subscription may stay unanswered.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long a reader waits before it asks a log again that could not be read.
const LOG_AWAY: Duration = Duration::from_millis(500);

/// What a subscription's first operation brought.
pub(super) struct Followed {
    reader: Reader,
    welcome: Welcome,
    outcome: Result<Begun, ()>,
}

/// How far it came.
enum Begun {
    /// The channel is followed; the reader begins where the feed stands.
    Fresh,
    /// The position was judged, and the client welcomed.
    Judged,
}

impl Session {
    /// Begins a subscription, or refuses it.
    pub(super) fn subscribe(&mut self, subscribe: Subscribe) {
        if let Some(slot) = self.subscriptions.find(&subscribe.channel) {
            return self.subscribe_again(slot, subscribe.tag);
        }
        let Subscribe {
            channel,
            modes,
            start,
            state,
            proof,
            tag,
        } = subscribe;
        let permit = match self.permit(&channel, modes, proof.as_ref(), state) {
            Ok(permit) => permit,
            Err(refusal) => return self.refuse(refusal, Some(channel), tag),
        };
        let feed = self.engine.hub.join(&permit.id, permit.retention);
        // A client names most of its channels at once.
        let waiting = &self.commands;
        self.subscriptions.expect(|| {
            let is_subscribe = |command: &&Command| matches!(command, Command::Subscribe(_));
            1 + waiting.iter().filter(is_subscribe).count()
        });
        let slot = self
            .subscriptions
            .insert(Arc::clone(&feed), modes, proof.is_some());
        let welcome = Welcome {
            slot,
            channel,
            modes,
            open_by_preset: permit.open_by_preset,
            tag,
        };
        let mut reader = Reader {
            shared: Arc::clone(&self.shared),
            protocol: Arc::clone(&self.protocol),
            format: self.dialect.format(),
            slot,
            modes,
            slow: permit.slow,
            cursor: None,
        };
        if feed.is_live() {
            // In a storm of returning clients this is the common way: no log is read, nothing is awaited.
            match &start {
                Start::Fresh => return self.begin_fresh(&feed, reader, &welcome),
                Start::Since(since) => {
                    reader.cursor = Some(*since);
                    let step = feed.advance(&mut reader, self.engine.clock.now(), Some(&welcome));
                    if !matches!(step, Step::AskLog) {
                        return self.stepped(Box::new(reader), step);
                    }
                }
                _ => {}
            }
        }
        let (hub, now) = (Arc::clone(&self.engine.hub), self.engine.clock.now());
        self.start(async move {
            let opening = open(&hub, &feed, &mut reader, start, &welcome, now);
            let outcome = match tokio::time::timeout(ANSWER_WITHIN, opening).await {
                Ok(Ok(begun)) => Ok(begun),
                Ok(Err(_)) | Err(_) => Err(()),
            };
            Done::Followed(Box::new(Followed {
                reader,
                welcome,
                outcome,
            }))
        });
    }

    /// The first operation of a subscription is over.
    pub(super) fn followed(&mut self, followed: Followed) {
        let Followed {
            reader,
            welcome,
            outcome,
        } = followed;
        let slot = welcome.slot;
        if self.hold == Hold::Channel(slot) {
            self.hold = Hold::Free;
        }
        let Some(subscription) = self.subscriptions.get(slot) else {
            let before = self.unanswered.len();
            self.unanswered.retain(|other| *other != slot);
            if self.unanswered.len() < before {
                let detail = "the channel was taken away before the subscription stood";
                let refusal = Refusal::new(ErrorCode::Forbidden, detail);
                self.refuse(refusal, Some(welcome.channel), welcome.tag);
            }
            return;
        };
        subscription.set_answered();
        let feed = Arc::clone(&subscription.feed);
        match outcome {
            Ok(Begun::Fresh) => self.begin_fresh(&feed, reader, &welcome),
            Ok(Begun::Judged) => self.advance(Box::new(reader)),
            Err(()) => {
                // It may have been welcomed before the log went away; then it goes on reading.
                if reader.cursor.is_some() && feed.is_live() && self.was_welcomed(slot) {
                    return self.read_log(Box::new(reader), true);
                }
                self.drop_subscription(slot);
                let detail = "the channel could not be followed in time; subscribe again";
                let refusal = Refusal::new(ErrorCode::Unavailable, detail);
                self.refuse(refusal, Some(welcome.channel), welcome.tag);
            }
        }
    }

    /// A page was read.
    pub(super) fn paged(&mut self, reader: Box<Reader>, again: bool) {
        if self.subscriptions.get(reader.slot).is_none() {
            return;
        }
        if again {
            self.read_log(reader, true)
        } else {
            self.subscriptions.put_behind(reader)
        }
    }

    /// Brings a reader forward; reads the log if the ring cannot say.
    pub(super) fn advance(&mut self, mut reader: Box<Reader>) {
        let Some(subscription) = self.subscriptions.get(reader.slot) else {
            return;
        };
        let feed = Arc::clone(&subscription.feed);
        let step = feed.advance(&mut reader, self.engine.clock.now(), None);
        self.stepped(reader, step);
    }

    /// Ends a subscription: nothing of the channel follows what is sent now.
    pub(super) fn unsubscribe(&mut self, channel: Channel, reason: UnsubscribeReason, tag: Tag) {
        if let Some(slot) = self.subscriptions.find(&channel) {
            if !self.was_welcomed(slot) {
                self.unanswered.push(slot);
            }
            self.drop_subscription(slot);
        }
        self.tell(Event::Unsubscribed {
            channel,
            reason,
            tag,
        });
    }

    /// Whether a subscription waits for its first answer.
    pub(super) fn is_pending(&mut self, channel: &Channel) -> Option<Slot> {
        let slot = self.subscriptions.find(channel)?;
        let subscription = self.subscriptions.get(slot)?;
        (!subscription.is_answered()).then_some(slot)
    }

    /// Removes a subscription and everything it holds.
    pub(super) fn drop_subscription(&mut self, slot: Slot) {
        if self.hold == Hold::Channel(slot) {
            self.hold = Hold::Free;
        }
        if let Some(subscription) = self.subscriptions.remove(slot) {
            let feed = &subscription.feed;
            if let Some(key) = subscription.listener() {
                feed.detach(key);
                feed.announce_occupancy();
            }
            self.engine.hub.part(feed, self.engine.now());
            self.forget_rosters(slot, &feed.id.channel);
        }
    }

    /// Subscribing what is subscribed answers where it stands and replays nothing.
    fn subscribe_again(&mut self, slot: Slot, tag: Tag) {
        // What is queued already belongs before the answer.
        self.fill_all();
        let Some(subscription) = self.subscriptions.get(slot) else {
            return;
        };
        let head = subscription.feed.position();
        let from = subscription.position();
        let channel = subscription.feed.id.channel.clone();
        let modes = subscription.modes();
        let caught_up = subscription.named(from, head.or(from));
        let rules = self
            .member
            .as_ref()
            .map(|standing| &standing.caller.app.rules);
        let open_by_preset = rules.is_some_and(|rules| is_open_by_preset(rules.of(&channel)));
        let continuity = if from.is_some() {
            Continuity::Kept
        } else {
            Continuity::Fresh
        };
        let event = SubscribedEvent {
            channel: channel.clone(),
            modes,
            continuity,
            from,
            head,
            open_by_preset,
            tag,
        };
        self.tell(Event::Subscribed(event));
        if caught_up {
            self.tell(Event::CaughtUp { channel });
        }
    }

    fn begin_fresh(&mut self, feed: &Arc<ChannelFeed>, mut reader: Reader, welcome: &Welcome) {
        let key = feed.attach_fresh(&mut reader, welcome);
        self.stepped(Box::new(reader), Step::Attached(key));
    }

    fn stepped(&mut self, reader: Box<Reader>, step: Step) {
        let Some(subscription) = self.subscriptions.get(reader.slot) else {
            return;
        };
        subscription.set_answered();
        match step {
            Step::Attached(key) => {
                subscription.set_live(key);
                subscription.feed.announce_occupancy();
                if reader.modes.presence {
                    self.engine.hub.watch_members(&subscription.feed);
                    self.read_owed_rosters(reader.slot);
                }
            }
            Step::Behind => self.subscriptions.put_behind(reader),
            Step::AskLog => self.read_log(reader, false),
        }
    }

    fn read_log(&mut self, mut reader: Box<Reader>, after_a_while: bool) {
        let Some(subscription) = self.subscriptions.get(reader.slot) else {
            return;
        };
        let (hub, feed) = (Arc::clone(&self.engine.hub), Arc::clone(&subscription.feed));
        self.start(async move {
            if after_a_while {
                tokio::time::sleep(LOG_AWAY).await;
            }
            let read = hub::go_on(&hub, &feed, &mut reader).await;
            Done::Paged {
                reader,
                again: read.is_err(),
            }
        });
    }

    /// Whether `subscribed` was sent; one that waits in the outbox is sent now.
    fn was_welcomed(&mut self, slot: Slot) -> bool {
        if self
            .subscriptions
            .get(slot)
            .is_some_and(|one| !one.is_welcomed())
        {
            self.fill_all();
        }
        self.subscriptions
            .get(slot)
            .is_some_and(|one| one.is_welcomed())
    }
}

/// Follows the channel and, where the client offers a position, judges it by the log.
async fn open(
    hub: &Arc<Hub>,
    feed: &Arc<ChannelFeed>,
    reader: &mut Reader,
    start: Start,
    welcome: &Welcome,
    now: Timestamp,
) -> Result<Begun, fanline_broker::BrokerError> {
    hub.follow(feed).await?;
    let head = feed.position();
    let offered = match (start, head) {
        (Start::Fresh, _) | (_, None) => return Ok(Begun::Fresh),
        (Start::Since(since), _) => vec![since],
        (Start::SinceOneOf(candidates), _) => candidates,
        (Start::RewindMessages(count), Some(head)) => {
            let after = head.seq.saturating_sub(count as u64);
            rewind(hub, feed, reader, after, welcome).await?;
            return Ok(Begun::Judged);
        }
        (Start::RewindFor(while_), Some(_)) => {
            let after = older_than(hub, feed, now, while_).await?;
            rewind(hub, feed, reader, after, welcome).await?;
            return Ok(Begun::Judged);
        }
    };
    hub::begin(hub, feed, reader, &offered, welcome).await?;
    Ok(Begun::Judged)
}

/// Begins just after `after`, or after what is no longer kept.
async fn rewind(
    hub: &Arc<Hub>,
    feed: &Arc<ChannelFeed>,
    reader: &mut Reader,
    after: u64,
    welcome: &Welcome,
) -> Result<(), fanline_broker::BrokerError> {
    let head = hub.broker.head(&feed.id).await?;
    let evicted = head.map_or(0, |head| head.evicted_through);
    let Some(head) = feed.position() else {
        return Ok(());
    };
    let from = Position::new(head.epoch, after.max(evicted).min(head.seq));
    reader.cursor = Some(from);
    reader
        .shared
        .outbox
        .extend([welcome.item(Continuity::Fresh, Some(from), Some(head))]);
    Ok(())
}

/// The last seq that is older than a while.
async fn older_than(
    hub: &Arc<Hub>,
    feed: &Arc<ChannelFeed>,
    now: Timestamp,
    while_: Duration,
) -> Result<u64, fanline_broker::BrokerError> {
    let limit = PageLimit {
        messages: 1_000,
        bytes: 1024 * 1024,
    };
    let mut after = 0;
    loop {
        let Some(page) = hub.broker.read(&feed.id, after, limit).await? else {
            return Ok(after);
        };
        after = after.max(page.head.evicted_through);
        let old = |message: &&Arc<fanline_model::Message>| now.since(message.timestamp) > while_;
        let older = page
            .messages
            .iter()
            .take_while(old)
            .filter_map(|message| message.position)
            .last();
        match older {
            Some(last) if !page.messages.is_empty() => {
                let whole = page.messages.last().and_then(|message| message.position) == Some(last);
                after = last.seq;
                if !whole {
                    return Ok(after);
                }
            }
            _ if page.messages.is_empty()
                && after < page.head.position.seq
                && page.head.evicted_through > after => {}
            _ => return Ok(after),
        }
    }
}

/// Whether nobody but a preset said that the channels of this rule are open.
fn is_open_by_preset(rule: &NamespaceRule) -> bool {
    rule.preset && rule.access == Access::Open
}

/// What a permitted subscription needs to know.
struct Permit {
    id: ChannelId,
    retention: fanline_model::Retention,
    slow: fanline_tenancy::SlowConsumer,
    open_by_preset: bool,
}

impl Session {
    fn permit(
        &self,
        channel: &Channel,
        modes: fanline_protocol::Modes,
        proof: Option<&fanline_tenancy::Proof>,
        state: bool,
    ) -> Result<Permit, Refusal> {
        let Some(standing) = &self.member else {
            return Err(Refusal::new(ErrorCode::Unauthorized, "connect first"));
        };
        let (app, authority) = (&standing.caller.app, &standing.caller.authority);
        let most = app.settings.limits.channels_per_connection;
        if self.subscriptions.len() >= most {
            let detail =
                format!("a connection follows at most {most} channels; unsubscribe some first");
            return Err(Refusal::new(ErrorCode::TooMany, detail));
        }
        if state {
            let detail = "last values per key cannot be asked for yet; subscribe without state";
            return Err(Refusal::new(ErrorCode::NotSupported, detail));
        }
        if let Some(proof) = proof {
            self.engine.verifier.verify_signature(app, proof)?;
        }
        let signed = proof.is_some();
        if modes.messages || modes.occupancy {
            decide(app, authority, Action::Subscribe, channel, signed)?;
        }
        if modes.presence {
            decide(app, authority, Action::Presence, channel, signed)?;
        }
        let rule = app.rules.of(channel);
        Ok(Permit {
            id: ChannelId::new(app.id.clone(), channel.clone()),
            retention: rule.retention,
            slow: rule.slow_consumer,
            open_by_preset: is_open_by_preset(rule),
        })
    }

    /// Whether a subscription would still be permitted under this snapshot.
    pub(super) fn still_permitted(&self, app: &AppSnapshot, subscription: &Subscription) -> bool {
        let Some(standing) = &self.member else {
            return false;
        };
        let channel = &subscription.feed.id.channel;
        let allowed = |action| {
            decide(
                app,
                &standing.caller.authority,
                action,
                channel,
                subscription.is_signed(),
            )
            .is_ok()
        };
        let modes = subscription.modes();
        let reads = modes.messages || modes.occupancy;
        (!reads || allowed(Action::Subscribe)) && (!modes.presence || allowed(Action::Presence))
    }
}
