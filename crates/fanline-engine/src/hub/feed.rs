//! One followed channel on this node: its contiguous position, its ring, and who listens.
//!
//! Everything that changes the feed's position happens under one lock, so that a newcomer attaches at a
//! position and hears everything after it.

mod members;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use fanline_broker::{Broker, BrokerError, ChannelId, Head, Page};
use fanline_model::{Message, Position, Retention, Timestamp};
use fanline_protocol::{Continuity, LostReason};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::listeners::{Listener, ListenerKey, Listeners};
use super::reader::{Reader, Step, Welcome};
use super::ring::Ring;
use super::roster::NodeRoster;
use crate::outbox::Notice;
use crate::resume::resume;

/// What may be held of one channel while a hole is healed.
const HELD_BYTES: usize = 1024 * 1024;

/// One channel that this node follows, or is about to.
pub(crate) struct ChannelFeed {
    pub(crate) id: ChannelId,
    /// Sessions that joined and did not part; changed under the registry's shard lock.
    pub(super) users: AtomicUsize,
    /// Since when nobody uses it, on the engine's coarse clock.
    pub(super) unused_since: AtomicU64,
    /// Serialises follow and unfollow.
    following: tokio::sync::Mutex<()>,
    live: AtomicBool,
    state: Mutex<State>,
    healed: Notify,
    roster_read: Notify,
}

struct State {
    retention: Retention,
    /// The last message handed to the listeners; `None` where the channel keeps no log.
    position: Option<Position>,
    listeners: Listeners,
    /// Who is there, while somebody listens to members.
    roster: Option<Box<NodeRoster>>,
    /// How many there were: what is read for one is not for the next.
    rosters: u32,
    ring: Ring,
    /// While a hole is healed, what came meanwhile.
    held: VecDeque<Arc<Message>>,
    held_bytes: usize,
    healing: bool,
    /// The last healing did not come to an end: the feed may stand behind what its listeners are owed.
    unhealed: bool,
    /// Something was dropped while healing: look again.
    again: bool,
}

/// What a live message asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Nothing more.
    Done,
    /// A hole must be healed; the caller starts it, and nobody else does.
    Heal,
}

// === impl ChannelFeed ===

impl ChannelFeed {
    pub(super) fn new(id: ChannelId, retention: Retention) -> Self {
        let state = State {
            retention,
            position: None,
            listeners: Listeners::default(),
            roster: None,
            rosters: 0,
            ring: Ring::default(),
            held: VecDeque::new(),
            held_bytes: 0,
            healing: false,
            unhealed: false,
            again: false,
        };
        Self {
            id,
            users: AtomicUsize::new(0),
            unused_since: AtomicU64::new(0),
            following: tokio::sync::Mutex::new(()),
            live: AtomicBool::new(false),
            state: Mutex::new(state),
            healed: Notify::new(),
            roster_read: Notify::new(),
        }
    }

    /// Follows the channel, once however many ask, and returns when the broker has acknowledged it. A hole
    /// that the following itself left is for the caller to heal.
    pub(super) async fn follow(&self, broker: &dyn Broker) -> Result<Arrival, BrokerError> {
        if self.live.load(Ordering::Acquire) {
            return Ok(Arrival::Done);
        }
        let _turn = self.following.lock().await;
        if self.live.load(Ordering::Acquire) {
            return Ok(Arrival::Done);
        }
        let retention = self.state.lock().retention;
        // Messages that come before the answer is read are held, so that none falls between the two.
        self.state.lock().healing = true;
        let answer = broker.follow(&self.id, &retention).await;
        let mut state = self.state.lock();
        match answer {
            Ok(head) => {
                state.position = head.map(|head| head.position);
                state.ring.clear();
                let hole = state.settle(&self.id, 0);
                self.live.store(true, Ordering::Release);
                drop(state);
                if hole {
                    return Ok(Arrival::Heal);
                }
                self.healed.notify_waiters();
                Ok(Arrival::Done)
            }
            Err(error) => {
                state.stop_healing(&self.healed, true);
                Err(error)
            }
        }
    }

    /// Ends the following if nobody uses the feed. True if it is no longer followed.
    pub(super) async fn unfollow(&self, broker: &dyn Broker) -> bool {
        let _turn = self.following.lock().await;
        if self.users.load(Ordering::Acquire) > 0 {
            return false;
        }
        if self.live.swap(false, Ordering::AcqRel) {
            broker.unfollow(&self.id).await;
        }
        true
    }

    pub(crate) fn is_live(&self) -> bool {
        self.live.load(Ordering::Acquire)
    }

    /// Where the feed stands.
    pub(crate) fn position(&self) -> Option<Position> {
        self.state.lock().position
    }

    /// How many live listeners there are.
    pub(crate) fn listeners(&self) -> usize {
        self.state.lock().listeners.len()
    }

    /// The rule of the channel changed.
    pub(super) fn set_retention(&self, retention: Retention) {
        self.state.lock().retention = retention;
    }

    /// A message came from the broker.
    pub(super) fn arrive(&self, message: Arc<Message>) -> Arrival {
        let mut state = self.state.lock();
        let Some(position) = message.position else {
            state.listeners.message(&self.id.channel, &message);
            return Arrival::Done;
        };
        if state.healing {
            state.hold(message);
            return Arrival::Done;
        }
        if state.accept(&self.id, &message, position) {
            return Arrival::Done;
        }
        state.healing = true;
        state.hold(message);
        Arrival::Heal
    }

    /// Messages may have been missed. True if the caller must start healing.
    pub(super) fn suspect(&self) -> bool {
        let mut state = self.state.lock();
        state.again = true;
        !std::mem::replace(&mut state.healing, true)
    }

    /// Whether a head says that this feed has missed something.
    pub(super) fn is_behind(&self, head: &Head) -> bool {
        let state = self.state.lock();
        state.position.is_some_and(|position| {
            !state.healing
                && (position.epoch != head.position.epoch || position.seq < head.position.seq)
        })
    }

    /// Closes the hole: reads what is missing, once however many listen, and hands it on in order. Whoever
    /// got `Heal` from [`ChannelFeed::arrive`] or true from [`ChannelFeed::suspect`] calls it, from a task
    /// that nobody drops on the way: until it returns, everything live is held.
    pub(super) async fn heal(&self, broker: &dyn Broker) {
        loop {
            let (position, retention, held) = {
                let mut state = self.state.lock();
                state.again = false;
                (state.position, state.retention, state.held.len())
            };
            let after = position.map_or(0, |position| position.seq);
            let page = match broker.read(&self.id, after, super::PAGE).await {
                Ok(Some(page)) => page,
                Ok(None) => match self.follow_again(broker, &retention).await {
                    Ok(Some(head)) => Page {
                        head,
                        messages: Vec::new(),
                    },
                    Ok(None) => {
                        let mut state = self.state.lock();
                        state.keeps_no_log();
                        return state.stop_healing(&self.healed, false);
                    }
                    Err(error) => return self.give_up(&error),
                },
                Err(error) => return self.give_up(&error),
            };
            let mut state = self.state.lock();
            let reached = state.apply(&self.id, &page);
            if reached && !state.again && !state.settle(&self.id, held) {
                state.unhealed = false;
                drop(state);
                self.healed.notify_waiters();
                return;
            }
            if !reached && state.position == position {
                tracing::error!(channel = %self.id, "the log names a head that it does not lead to");
                return state.stop_healing(&self.healed, true);
            }
            state.healing = true;
        }
    }

    /// Follows a channel whose log is gone. Not what nobody follows any more: nobody would end it.
    async fn follow_again(
        &self,
        broker: &dyn Broker,
        retention: &Retention,
    ) -> Result<Option<Head>, BrokerError> {
        let _turn = self.following.lock().await;
        if !self.is_live() {
            return Err(BrokerError::Unavailable);
        }
        broker.follow(&self.id, retention).await
    }

    /// The broker is away: what was held is dropped, and the next sweep or message tries again.
    fn give_up(&self, error: &BrokerError) {
        tracing::warn!(channel = %self.id, %error, "a hole could not be healed yet");
        self.state.lock().stop_healing(&self.healed, true);
    }

    /// Waits until no hole is being healed; an error if the last one could not be closed yet.
    pub(super) async fn healed(&self) -> Result<(), BrokerError> {
        loop {
            let notified = self.healed.notified();
            {
                let state = self.state.lock();
                if !state.healing {
                    return if state.unhealed {
                        Err(BrokerError::Unavailable)
                    } else {
                        Ok(())
                    };
                }
            }
            notified.await;
        }
    }

    /// Welcomes a reader that offers no position, and attaches it where the feed stands.
    pub(crate) fn attach_fresh(&self, reader: &mut Reader, welcome: &Welcome) -> ListenerKey {
        let mut state = self.state.lock();
        reader.cursor = state.position;
        reader.shared.outbox.extend([welcome.item(
            Continuity::Fresh,
            state.position,
            state.position,
        )]);
        state.attach(reader)
    }

    /// Brings a reader forward from the ring, and attaches it once it stands where the feed stands. A
    /// `welcome` is said only if the ring can answer, and it can only ever answer *kept*: a position ahead
    /// of the feed, or of an epoch the feed does not know, is judged by the log.
    pub(crate) fn advance(
        &self,
        reader: &mut Reader,
        now: Timestamp,
        welcome: Option<&Welcome>,
    ) -> Step {
        let mut state = self.state.lock();
        let (Some(position), Some(cursor)) = (state.position, reader.cursor) else {
            if welcome.is_some() {
                return Step::AskLog;
            }
            if reader.cursor.take().is_some() {
                // The log went away under it, by a change of the rule.
                let notice = Notice::Continuity {
                    continuity: Continuity::Lost(LostReason::TooOld),
                    from: None,
                    head: None,
                };
                reader.tell(notice);
            }
            return Step::Attached(state.attach(reader));
        };
        if state.healing || cursor.epoch != position.epoch || cursor.seq > position.seq {
            return Step::AskLog;
        }
        let greet = || welcome.map(|one| one.item(Continuity::Kept, Some(cursor), Some(position)));
        if cursor.seq == position.seq {
            reader.shared.outbox.extend(greet());
            return Step::Attached(state.attach(reader));
        }
        let window = state
            .retention
            .history
            .map_or(Duration::ZERO, |history| history.window);
        let Some(messages) = state.ring.after(cursor.seq, now, window) else {
            return Step::AskLog;
        };
        reader.shared.outbox.extend(greet());
        reader.hand_on(
            &self.id,
            position.epoch,
            messages.map(|(seq, message)| (*seq, message)),
        );
        if reader.cursor == Some(position) {
            Step::Attached(state.attach(reader))
        } else {
            Step::Behind
        }
    }

    /// Removes a listener.
    pub(crate) fn detach(&self, key: ListenerKey) {
        let mut state = self.state.lock();
        state.listeners.remove(key);
        if !state.listeners.watch_members() {
            state.roster = None;
        }
    }

    /// Tells whoever asked how many connections follow the channel now.
    pub(crate) fn announce_occupancy(&self) {
        let state = self.state.lock();
        let connections = state.listeners.len() as u64;
        state.listeners.occupancy(connections);
    }
}

// === impl State ===

impl State {
    fn attach(&mut self, reader: &Reader) -> ListenerKey {
        let shared = Arc::clone(&reader.shared);
        let listener = Listener::new(shared, reader.slot, reader.modes, reader.slow);
        if reader.modes.presence && self.roster.is_none() {
            self.rosters = self.rosters.wrapping_add(1);
            self.roster = Some(Box::default());
        }
        self.listeners
            .insert(&reader.protocol, reader.format, listener)
    }

    /// Takes a live message if it is the next one, or was had already. False: a hole, or another epoch.
    fn accept(&mut self, id: &ChannelId, message: &Arc<Message>, position: Position) -> bool {
        let Some(at) = self.position else {
            // The channel began to keep a log while it was followed.
            self.deliver(id, message, position);
            return true;
        };
        if position.epoch == at.epoch {
            if position.seq == at.seq + 1 {
                self.deliver(id, message, position);
            }
            return position.seq <= at.seq + 1;
        }
        // The first message after a rotation says where the fork is. If this feed stands exactly there,
        // nothing was lost and nothing has to be read.
        let clean = message.fork.is_some_and(|fork| {
            fork.epoch == at.epoch && fork.at == at.seq && position.seq == at.seq + 1
        });
        if clean {
            let from = Position::new(position.epoch, at.seq);
            self.listeners
                .continuity(Continuity::Forked { at }, Some(from), Some(position));
            self.deliver(id, message, position);
        }
        clean
    }

    /// Hands the next message to the listeners; the feed then stands at `position`.
    fn deliver(&mut self, id: &ChannelId, message: &Arc<Message>, position: Position) {
        self.position = Some(position);
        self.listeners.message(&id.channel, message);
        self.ring
            .push(position.seq, Arc::clone(message), self.retention.history);
    }

    fn hold(&mut self, message: Arc<Message>) {
        self.held_bytes += message.draft.weight();
        if self.held_bytes > HELD_BYTES {
            self.let_go();
            self.again = true;
        } else {
            self.held.push_back(message);
        }
    }

    fn let_go(&mut self) {
        self.held = VecDeque::new();
        self.held_bytes = 0;
    }

    /// Takes in a page that was read to heal. True once the page's head is reached.
    fn apply(&mut self, id: &ChannelId, page: &Page) -> bool {
        let head = page.head.position;
        let Some(at) = self.position else {
            self.position = Some(head);
            return true;
        };
        let verdict = resume(at, &page.head);
        if verdict.continuity != Continuity::Kept {
            self.listeners
                .continuity(verdict.continuity, Some(verdict.from), Some(head));
            self.position = Some(verdict.from);
        }
        if matches!(verdict.continuity, Continuity::Lost(_)) {
            self.ring.clear();
        }
        for message in &page.messages {
            let next = self.position.map_or(1, |at| at.seq + 1);
            if message
                .position
                .is_some_and(|position| position.seq == next)
            {
                // An entry keeps the epoch it was numbered in; the feed stands in the present one.
                self.deliver(id, message, Position::new(head.epoch, next));
            }
        }
        self.position.is_some_and(|at| at.seq >= head.seq)
    }

    /// Hands on what was held. True if there still is a hole.
    ///
    /// The first `known` messages came before the log was read to its head. What does not follow on from
    /// that head belongs to a numbering that the log no longer has: it was lost, and nobody is owed it.
    fn settle(&mut self, id: &ChannelId, mut known: usize) -> bool {
        self.healing = false;
        while let Some(message) = self.held.pop_front() {
            self.held_bytes -= message.draft.weight();
            if let Some(position) = message.position
                && !self.accept(id, &message, position)
                && known == 0
            {
                self.held_bytes += message.draft.weight();
                self.held.push_front(message);
                self.healing = true;
                return true;
            }
            known = known.saturating_sub(1);
        }
        self.let_go();
        false
    }

    /// The rule of the channel changed: it keeps no log any more. Whether anything was missed cannot be
    /// proved, so it is not claimed.
    fn keeps_no_log(&mut self) {
        if self.position.take().is_some() {
            self.ring.clear();
            self.listeners
                .continuity(Continuity::Lost(LostReason::TooOld), None, None);
        }
    }

    fn stop_healing(&mut self, healed: &Notify, unhealed: bool) {
        self.healing = false;
        self.unhealed = unhealed;
        self.let_go();
        healed.notify_waiters();
    }
}
