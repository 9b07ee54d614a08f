//! One session: a task that owns a link, a dialect and a set of subscriptions.
//!
//! The task sleeps in one place ([`Session::next`]) and holds nothing there but itself. Frames that come
//! in become commands and act in order; what channels bring waits in the outbox; both leave by one queue.

mod authenticate;
mod availability;
mod command;
mod drain;
mod finish;
mod presence;
mod roster;
mod subscribe;
mod subscriptions;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use fanline_model::{Channel, CloseReason, Limits, UserId};
use fanline_protocol::{
    Caller, CloseFrame, Command, Dialect, Event, Frame, Open, Outgoing, Protocol, PublishResult,
    Refusal, Tag,
};
use fanline_tenancy::{AuthError, Verified};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use self::roster::OwedRoster;
use self::subscribe::Followed;
use self::subscriptions::Subscriptions;
use crate::engine::Engine;
use crate::entries::Held;
use crate::hub::Reader;
use crate::link::{Link, Received};
use crate::outbox::Slot;
use crate::rate::Bucket;
use crate::sessions::{AppMeter, SessionKey};
use crate::shared::{SessionShared, flag};
use crate::thrift::give_back;

/// Bytes sent before a session lets its neighbours run.
const TURN_BYTES: usize = 256 * 1024;
/// Bytes taken from the outbox for one send.
const BATCH_BYTES: usize = 64 * 1024;
/// Frames that make no sense before the connection ends.
const MAX_FAULTS: u32 = 100;

/// One connection's session.
pub(crate) struct Session {
    engine: Arc<Engine>,
    protocol: Arc<dyn Protocol>,
    dialect: Box<dyn Dialect>,
    link: Option<Box<dyn Link>>,
    shared: Arc<SessionShared>,
    key: SessionKey,
    origin: Option<Box<str>>,
    peer: IpAddr,
    /// Who is on the line, once it is authenticated.
    member: Option<Box<Standing>>,
    subscriptions: Subscriptions,
    commands: VecDeque<Command>,
    hold: Hold,
    operations: Option<FuturesUnordered<Operation>>,
    sending: VecDeque<Outgoing>,
    /// The last send found the socket full.
    blocked: bool,
    faults: u32,
    sent_this_turn: usize,
    /// Subscriptions that were taken away before they were answered: their commands are still owed a word.
    unanswered: Vec<Slot>,
    /// The protocol cannot live with something it was told, and ends for this reason.
    end_on: Option<CloseReason>,
}

/// Everything a session holds once it is authenticated.
struct Standing {
    caller: Caller,
    app_ref: fanline_tenancy::AppRef,
    meter: Arc<AppMeter>,
    client_events: Bucket,
    /// Whether its own messages come back to it.
    echo: bool,
    /// The channels it has entered, and as whom.
    entered: Vec<(Channel, UserId)>,
    /// Rosters that were asked for and are not told to their end.
    rosters: Vec<OwedRoster>,
    /// Channels that its credential names and that are not subscribed yet.
    owed: Vec<Channel>,
}

/// What the next command must wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// Nothing.
    Free,
    /// An answer that changes what follows: a credential, a publish, a change of presence.
    Answer,
    /// A subscription of the same channel that is not answered yet.
    Channel(Slot),
}

type Operation = Pin<Box<dyn Future<Output = Done> + Send>>;

/// What an operation brought.
enum Done {
    Authenticated {
        verified: Result<Verified, AuthError>,
        app_ref: fanline_tenancy::AppRef,
        connection_key: Option<Box<str>>,
        tag: Tag,
    },
    Followed(Box<Followed>),
    Paged {
        reader: Box<Reader>,
        again: bool,
    },
    Published {
        channel: Channel,
        result: PublishResult,
        tag: Tag,
    },
    RosterRead {
        slot: Slot,
        in_time: bool,
    },
    Presence {
        events: Vec<Event>,
        entered: Option<(Channel, Held)>,
        left: Option<Channel>,
    },
}

/// How far sending came.
enum Sent {
    /// Nothing waits.
    All,
    /// The socket is full.
    Full,
    /// Enough was sent; the neighbours run first.
    TurnOver,
    /// The line broke.
    Broke,
}

/// What woke the session.
enum Work {
    Flags(u32),
    Received(Received),
    Done(Done),
    LinkBroke,
}

/// How a session ends.
enum End {
    /// The engine ends it.
    Close(CloseReason, Option<String>, Option<std::time::Duration>),
    /// The protocol ends it in its own words.
    Protocol(Vec<Frame>, CloseFrame),
    /// The transport's rules were broken.
    Violation(CloseFrame),
    /// The client closed.
    Closed,
    /// The line broke.
    Lost,
}

// === impl Session ===

impl Drop for Session {
    /// Whatever ended the task, nothing of the session stays behind.
    fn drop(&mut self) {
        self.leave_channels();
        // Those that the end of the session did not take leave; their leases end by themselves.
        self.release_entries();
        self.engine.sessions.remove(self.key);
        if let Some(standing) = &self.member {
            standing.meter.release();
        }
    }
}

impl Session {
    pub(crate) fn new(
        engine: Arc<Engine>,
        protocol: Arc<dyn Protocol>,
        open: &Open,
        mut link: Box<dyn Link>,
    ) -> Self {
        let mut commands = Vec::new();
        let dialect = protocol.open(open, &mut commands);
        let shared = SessionShared::new(dialect.liveness(), protocol.link_grace(), engine.now());
        let shared = Arc::new(shared);
        link.set_frame_limit(Limits::default().first_frame_bytes);
        engine.counters.opened.fetch_add(1, Ordering::Relaxed);
        Self {
            key: engine.sessions.add(Arc::clone(&shared)),
            engine,
            protocol,
            dialect,
            link: Some(link),
            shared,
            origin: open.origin().map(Into::into),
            peer: open.peer,
            member: None,
            subscriptions: Subscriptions::default(),
            commands: commands.into(),
            hold: Hold::Free,
            operations: None,
            sending: VecDeque::new(),
            blocked: false,
            faults: 0,
            sent_this_turn: 0,
            unanswered: Vec::new(),
            end_on: None,
        }
    }

    /// Serves the connection to its end.
    pub(crate) async fn run(mut self) {
        if self.engine.is_draining() {
            let end = End::Close(CloseReason::Drain, None, None);
            return Box::pin(self.finish(end)).await;
        }
        loop {
            if let Err(end) = self.act() {
                return Box::pin(self.finish(end)).await;
            }
            let work = poll_fn(|cx| self.next(cx)).await;
            if let Err(end) = self.take(work) {
                return Box::pin(self.finish(end)).await;
            }
        }
    }

    /// The one place where a session sleeps.
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Work> {
        self.shared.outbox.register(cx.waker());
        let flags = self.shared.take_flags();
        if flags != 0 {
            return Poll::Ready(Work::Flags(flags));
        }
        match self.send(cx) {
            Sent::Broke => return Poll::Ready(Work::LinkBroke),
            Sent::All => self.blocked = false,
            Sent::Full => self.blocked = true,
            Sent::TurnOver => {
                self.sent_this_turn = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        // After sending: a reader that wants its next page has just started to ask for it.
        if let Some(operations) = &mut self.operations {
            match operations.poll_next_unpin(cx) {
                Poll::Ready(Some(done)) => return Poll::Ready(Work::Done(done)),
                Poll::Ready(None) => self.operations = None,
                Poll::Pending => {}
            }
        }
        // A client that does not read is not read either: its answers would pile up.
        let listening = !self.blocked && self.hold == Hold::Free && self.commands.is_empty();
        if listening && let Some(link) = &mut self.link {
            return link.poll_receive(cx).map(Work::Received);
        }
        Poll::Pending
    }

    /// Sends what waits, joined, until the socket is full or the turn is over.
    fn send(&mut self, cx: &mut Context<'_>) -> Sent {
        loop {
            if self.sent_this_turn >= TURN_BYTES {
                return Sent::TurnOver;
            }
            if self.sending.is_empty() {
                self.fill();
                self.read_on();
            }
            let Some(link) = &mut self.link else {
                return Sent::All;
            };
            if self.sending.is_empty() && !self.blocked {
                give_back(&mut self.sending);
                return Sent::All;
            }
            let waiting = self.sending.len();
            let sent = link.poll_send(cx, &mut self.sending);
            if self.sending.len() < waiting {
                let now = self.engine.now();
                self.shared.said.store(now, Ordering::Relaxed);
                if self.blocked {
                    // The client reads again: that is a sign of life, though nothing of it was read.
                    self.shared.heard.store(now, Ordering::Relaxed);
                }
                let frames = (waiting - self.sending.len()) as u64;
                self.engine
                    .counters
                    .frames
                    .fetch_add(frames, Ordering::Relaxed);
            }
            match sent {
                Poll::Ready(Ok(())) => self.blocked = false,
                Poll::Ready(Err(_)) => return Sent::Broke,
                Poll::Pending => return Sent::Full,
            }
        }
    }

    fn take(&mut self, work: Work) -> Result<(), End> {
        match work {
            Work::Flags(flags) => self.obey(flags),
            Work::Received(received) => self.receive(received),
            Work::Done(done) => self.complete(done),
            Work::LinkBroke => self.unlink(End::Lost),
        }
    }

    fn receive(&mut self, received: Received) -> Result<(), End> {
        match received {
            Received::Frame(frame) => {
                self.heard();
                let mut commands = Vec::new();
                self.dialect.decode(frame, &mut commands);
                if self.commands.is_empty() {
                    self.commands = commands.into();
                } else {
                    self.commands.extend(commands);
                }
                Ok(())
            }
            Received::Alive => {
                self.heard();
                Ok(())
            }
            Received::Closed => self.unlink(End::Closed),
            Received::Lost => self.unlink(End::Lost),
            Received::Violation(close) => Err(End::Violation(close)),
        }
    }

    fn heard(&self) {
        self.shared
            .heard
            .store(self.engine.now(), Ordering::Relaxed);
    }

    /// The link is gone; a protocol may give the session some time to find another.
    fn unlink(&mut self, end: End) -> Result<(), End> {
        if self.shared.link_grace.is_zero() || self.member.is_none() {
            return Err(end);
        }
        self.link = None;
        // What was not handed to the lost link is for the next one: the client would miss it.
        self.blocked = false;
        self.shared
            .unlinked_since
            .store(self.engine.now(), Ordering::Relaxed);
        Ok(())
    }

    fn obey(&mut self, mut flags: u32) -> Result<(), End> {
        if self.hold != Hold::Free || !self.commands.is_empty() {
            // Nothing is read while an answer is pending, so no silence is held against the client.
            flags &= !(flag::SILENT | flag::NO_CONNECT);
            self.heard();
        }
        let ends = [
            (flag::SLOW, CloseReason::SlowConsumer),
            (flag::EXPIRED, CloseReason::TokenExpired),
            (flag::SILENT, CloseReason::HeartbeatMissed),
            (flag::NO_CONNECT, CloseReason::ConnectTimeout),
            (flag::DRAIN, CloseReason::Drain),
            (flag::TERMINATED, CloseReason::Terminated),
        ];
        if let Some((_, reason)) = ends.into_iter().find(|(asked, _)| flags & asked != 0) {
            return Err(End::Close(reason, None, None));
        }
        if flags & flag::RELINK != 0 {
            self.relink();
        }
        if flags & flag::UNLINKED != 0 && self.link.is_none() {
            return Err(End::Lost);
        }
        if flags & flag::RECHECK != 0 {
            self.recheck()?;
        }
        if flags & flag::RENEW != 0
            && let Some(expires_at) = self.shared.expires_at()
        {
            let within = expires_at.since(self.engine.clock.now());
            self.tell(Event::RenewBy { expires_at, within });
        }
        if flags & flag::IDLE != 0 {
            self.tell(Event::Idle);
        }
        if flags & flag::AVAILABILITY != 0 {
            self.tell_availability();
        }
        if flags & flag::DIRECT != 0 {
            self.deliver_direct();
        }
        Ok(())
    }

    fn relink(&mut self) {
        let link = self
            .shared
            .mailbox
            .lock()
            .as_mut()
            .and_then(|mailbox| mailbox.link.take());
        let Some(mut link) = link else { return };
        if let Some(member) = &self.member {
            link.set_frame_limit(member.caller.app.settings.limits.frame_bytes);
        }
        self.link = Some(link);
        self.blocked = false;
        self.shared.unlinked_since.store(0, Ordering::Relaxed);
        self.heard();
    }

    fn deliver_direct(&mut self) {
        let direct = self
            .shared
            .mailbox
            .lock()
            .as_mut()
            .map(|mailbox| std::mem::take(&mut mailbox.direct));
        for (channel, message) in direct.into_iter().flatten() {
            self.tell(Event::Message { channel, message });
        }
    }

    fn complete(&mut self, done: Done) -> Result<(), End> {
        match done {
            Done::Authenticated {
                verified,
                app_ref,
                connection_key,
                tag,
            } => {
                self.hold = Hold::Free;
                self.authenticated(verified, app_ref, connection_key.as_deref(), tag)
            }
            Done::Followed(followed) => {
                self.followed(*followed);
                Ok(())
            }
            Done::Paged { reader, again } => {
                self.paged(reader, again);
                Ok(())
            }
            Done::Published {
                channel,
                result,
                tag,
            } => {
                self.hold = Hold::Free;
                match result {
                    Ok(results) => self.tell(Event::Published {
                        channel,
                        results,
                        tag,
                    }),
                    Err(refusal) => self.refuse(refusal, Some(channel), tag),
                }
                Ok(())
            }
            Done::RosterRead { slot, in_time } => {
                self.roster_read(slot, in_time);
                Ok(())
            }
            Done::Presence {
                events,
                entered,
                left,
            } => {
                self.hold = Hold::Free;
                self.presence_done(events, entered, left);
                Ok(())
            }
        }
    }

    /// Lets an operation run beside the session.
    fn start(&mut self, operation: impl Future<Output = Done> + Send + 'static) {
        self.operations
            .get_or_insert_default()
            .push(Box::pin(operation));
    }

    /// Puts an event into the protocol's words, to be sent next.
    fn tell(&mut self, event: Event) {
        let mut frames = Vec::new();
        self.dialect.encode(event, &mut frames);
        self.sending.extend(frames.into_iter().map(Outgoing::Own));
    }

    fn refuse(&mut self, refusal: Refusal, channel: Option<Channel>, tag: Tag) {
        self.engine.counters.refused.fetch_add(1, Ordering::Relaxed);
        self.tell(Event::Refused {
            refusal,
            channel,
            tag,
        });
    }
}
