//! A subscriber that is not yet where the feed is: it reads the ring or the log, a page at a time, as its
//! socket drains, and attaches once it has caught up.
//!
//! Nothing is held for it: what it has not read is in the log. If the log trims beyond it between two
//! pages it is told so; *kept* is never followed by a jump.

use std::sync::Arc;

use fanline_broker::{Broker, BrokerError, ChannelId, Head, Page, PageLimit};
use fanline_model::{Channel, Epoch, Message, Position};
use fanline_protocol::{Continuity, Format, Modes, Protocol, SharedFrame, SubscribedEvent, Tag};
use fanline_tenancy::SlowConsumer;

use super::Hub;
use super::feed::ChannelFeed;
use super::listeners::{ListenerKey, message_item};
use crate::outbox::{Item, Notice, Slot};
use crate::resume::{choose, resume};
use crate::shared::SessionShared;

/// One subscriber on its way to the head.
pub(crate) struct Reader {
    pub(crate) shared: Arc<SessionShared>,
    pub(crate) protocol: Arc<dyn Protocol>,
    pub(crate) format: Format,
    pub(crate) slot: Slot,
    pub(crate) modes: Modes,
    pub(crate) slow: SlowConsumer,
    /// The last message handed on, in the numbering of the present epoch; `None` without a log.
    pub(crate) cursor: Option<Position>,
}

/// What a step brought.
#[derive(Debug)]
pub(crate) enum Step {
    /// The reader stands where the feed stands and hears what follows.
    Attached(ListenerKey),
    /// More waits; go on when the outbox has room.
    Behind,
    /// The ring cannot say; the log must be asked.
    AskLog,
}

/// What a subscriber is told first.
#[derive(Clone, Debug)]
pub(crate) struct Welcome {
    pub(crate) slot: Slot,
    pub(crate) channel: Channel,
    pub(crate) modes: Modes,
    pub(crate) open_by_preset: bool,
    pub(crate) tag: Tag,
}

/// How much may be handed on at once: half the room, but always one message into an empty outbox, so
/// that a message larger than the outbox arrives too.
struct Room {
    left: usize,
    empty: bool,
}

/// Judges the offered positions by the log, welcomes the reader, and hands on the first page.
pub(crate) async fn begin(
    hub: &Arc<Hub>,
    feed: &Arc<ChannelFeed>,
    reader: &mut Reader,
    offered: &[Position],
    welcome: &Welcome,
) -> Result<(), BrokerError> {
    let any = offered
        .iter()
        .map(|position| position.seq)
        .min()
        .unwrap_or(0);
    let page = read(hub, feed, any, reader.page()).await?;
    let head = &page.head;
    let Some(since) = choose(offered, head) else {
        reader.cursor = Some(head.position);
        let item = welcome.item(Continuity::Fresh, reader.cursor, Some(head.position));
        reader.shared.outbox.extend([item]);
        return Ok(());
    };
    let verdict = resume(since, head);
    reader.cursor = Some(verdict.from);
    let item = welcome.item(verdict.continuity, Some(verdict.from), Some(head.position));
    reader.shared.outbox.extend([item]);
    hand_on_page(hub, feed, reader, &page).await
}

/// Reads the next page from the log. If the log no longer holds what follows the cursor, the reader is
/// told and stands at the head.
pub(crate) async fn go_on(
    hub: &Arc<Hub>,
    feed: &Arc<ChannelFeed>,
    reader: &mut Reader,
) -> Result<(), BrokerError> {
    let Some(cursor) = reader.cursor else {
        return Ok(());
    };
    if feed.healed().await.is_err() {
        hub.heal(feed).await?;
    }
    let page = read(hub, feed, cursor.seq, reader.page()).await?;
    let verdict = resume(cursor, &page.head);
    if verdict.continuity != Continuity::Kept {
        let notice = Notice::Continuity {
            continuity: verdict.continuity,
            from: Some(verdict.from),
            head: Some(page.head.position),
        };
        reader.tell(notice);
    }
    reader.cursor = Some(verdict.from);
    hand_on_page(hub, feed, reader, &page).await
}

/// A page of the log; a channel that was forgotten meanwhile begins anew.
async fn read(
    hub: &Arc<Hub>,
    feed: &Arc<ChannelFeed>,
    after: u64,
    limit: PageLimit,
) -> Result<Page, BrokerError> {
    let broker: &dyn Broker = &*hub.broker;
    if let Some(page) = broker.read(&feed.id, after, limit).await? {
        return Ok(page);
    }
    hub.heal(feed).await?;
    let position = feed
        .position()
        .unwrap_or_else(|| Position::new(Epoch::NONE, 0));
    let head = Head {
        position,
        ..Head::beginning(position.epoch)
    };
    Ok(Page {
        head,
        messages: Vec::new(),
    })
}

/// Hands on what of a page the feed has passed already; what it has not will come live.
async fn hand_on_page(
    hub: &Arc<Hub>,
    feed: &Arc<ChannelFeed>,
    reader: &mut Reader,
    page: &Page,
) -> Result<(), BrokerError> {
    let epoch = page.head.position.epoch;
    let behind = |reader: &Reader| match (feed.position(), reader.cursor) {
        (Some(at), Some(cursor)) => at.epoch != epoch || at.seq < cursor.seq,
        _ => true,
    };
    if behind(reader) {
        // The node was asleep, or a hole is open: the log knows more than the feed.
        hub.heal(feed).await?;
    }
    let Some(at) = feed.position().filter(|at| at.epoch == epoch) else {
        return Ok(());
    };
    let passed = page.messages.iter().filter_map(|message| {
        let seq = message.position?.seq;
        (seq <= at.seq).then_some((seq, message))
    });
    reader.hand_on(&feed.id, epoch, passed);
    Ok(())
}

// === impl Reader ===

impl Reader {
    /// Says something that is not a message, in its place among them.
    pub(super) fn tell(&self, notice: Notice) {
        self.shared.outbox.extend([Item::Notice {
            slot: self.slot,
            notice,
        }]);
    }

    /// Hands on consecutive messages after the cursor, as many as there is room for.
    pub(super) fn hand_on<'a>(
        &mut self,
        id: &ChannelId,
        epoch: Epoch,
        messages: impl Iterator<Item = (u64, &'a Arc<Message>)>,
    ) {
        let mut room = self.room();
        let mut items = Vec::new();
        for (seq, message) in messages {
            let Some(cursor) = self.cursor else { break };
            if seq <= cursor.seq {
                continue;
            }
            if seq != cursor.seq + 1 {
                break;
            }
            let frame = self
                .protocol
                .encode(self.format, &id.channel, message)
                .map(SharedFrame::new);
            if let Some(item) = message_item(self.slot, &self.shared, message, frame.as_ref())
                && self.modes.messages
            {
                if !room.take(item.weight()) {
                    break;
                }
                items.push(item);
            }
            self.cursor = Some(Position::new(epoch, seq));
        }
        self.shared.outbox.extend(items);
    }

    fn room(&self) -> Room {
        let (left, empty) = self.shared.outbox.room();
        Room {
            left: left / 2,
            empty,
        }
    }

    /// How much of the log to read for the room there is.
    fn page(&self) -> PageLimit {
        let (room, _) = self.shared.outbox.room();
        PageLimit {
            messages: 1_000,
            bytes: (room / 2).clamp(1, super::PAGE.bytes),
        }
    }
}

// === impl Room ===

impl Room {
    fn take(&mut self, weight: usize) -> bool {
        let fits = weight <= self.left || self.empty;
        if fits {
            self.left = self.left.saturating_sub(weight);
            self.empty = false;
        }
        fits
    }
}

// === impl Welcome ===

impl Welcome {
    pub(crate) fn item(
        &self,
        continuity: Continuity,
        from: Option<Position>,
        head: Option<Position>,
    ) -> Item {
        let event = SubscribedEvent {
            channel: self.channel.clone(),
            modes: self.modes,
            continuity,
            from,
            head,
            open_by_preset: self.open_by_preset,
            tag: self.tag.clone(),
        };
        Item::Notice {
            slot: self.slot,
            notice: Notice::Subscribed(Box::new(event)),
        }
    }
}
