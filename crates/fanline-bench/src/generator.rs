//! The load: subscribers and publishers of all nodes of a server, in one thread over one epoll.
//!
//! It must stay far cheaper than what it measures, and it checks everything it receives.

mod audience;
mod connecting;
mod frame;
mod ledger;
mod load;
mod pacing;
mod publisher;
mod response;
#[cfg(test)]
mod script;
mod socket;
mod stamp;
mod subscriber;
mod subscribing;
mod undelivered;
mod verifier;

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Poll, Token};

pub(crate) use audience::Audience;
pub(crate) use ledger::Ledger;
pub(crate) use load::{Load, Until};
use pacing::Pacing;
pub(crate) use stamp::{Payload, Stamp};
pub(crate) use verifier::Faults;

use crate::clock::{Clock, unix_seconds};
use crate::target::{Server, Wire};
use publisher::{Answer, Publisher};
use subscriber::{Happening, Subscriber};

/// Tokens from here on are publishers'.
const PUBLISHERS: usize = 1 << 32;
/// A socket's own buffer is rarely fuller; the buffer is shared, so its size costs nothing.
const SCRATCH: usize = 256 * 1024;
/// Many: publishers that are answered at the same time shall ask again at the same time. In small
/// batches they fall into turns, and no server ever sees two publications together.
const EVENTS_AT_ONCE: usize = 4_096;
/// So many refusals are no measurement any more.
const REFUSALS_ALLOWED: u64 = 100;

/// Everything on the client's side of a run.
pub(crate) struct Generator<'s> {
    server: &'s Server,
    clock: Clock,
    poll: Poll,
    events: Events,
    scratch: Vec<u8>,
    subscribers: Vec<Subscriber<TcpStream>>,
    publishers: Vec<Publisher<TcpStream>>,
    /// Publishers that may ask, each as often as it may; the one that waited longest first.
    places: VecDeque<usize>,
    request: Vec<u8>,
    audience: Audience,
    ledger: Ledger,
    roster: Roster,
}

/// How the subscribers fare.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster {
    pub(crate) opened: usize,
    /// Subscriptions that hold; a connection that opened without any counts as one.
    pub(crate) joined: usize,
    pub(crate) ended: usize,
    /// The first few things that were not expected.
    pub(crate) troubles: Vec<String>,
}

// === impl Generator ===

impl<'s> Generator<'s> {
    pub(crate) fn new(server: &'s Server, audience: Audience) -> Result<Self> {
        Ok(Self {
            server,
            clock: Clock::start(),
            poll: Poll::new().context("opening an epoll")?,
            events: Events::with_capacity(EVENTS_AT_ONCE),
            scratch: vec![0; SCRATCH],
            subscribers: Vec::new(),
            publishers: Vec::new(),
            places: VecDeque::new(),
            request: Vec::new(),
            ledger: Ledger::new(audience.clone())?,
            audience,
            roster: Roster::default(),
        })
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn reset_ledger(&mut self) {
        self.ledger.reset();
    }

    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Queues a publish, stamped with `sent`; says whether a publisher had a place for it.
    fn publish(&mut self, payload: &mut Payload, sent: u64) -> bool {
        let Some(index) = self.places.pop_front() else {
            return false;
        };
        let stamp = self.ledger.publish(index, sent);
        let channel = self.audience.channel_of_stream(stamp.stream as usize);
        self.request.clear();
        self.server.node(index).wire().publish(
            &channel,
            payload.stamped(stamp),
            unix_seconds(),
            &mut self.request,
        );
        self.publishers[index].send(stamp, self.clock.nanos(), &self.request);
        true
    }

    /// Writes what was queued; what one publisher asks at once goes out at once.
    fn flush_publishers(&mut self) -> Result<()> {
        self.publishers.iter_mut().try_for_each(Publisher::flush)
    }

    /// Publishes that the server has not answered.
    fn unanswered(&self) -> usize {
        self.publishers.iter().map(Publisher::in_flight).sum()
    }

    /// Only listens, for so long.
    pub(crate) fn listen(&mut self, time: Duration) -> Result<()> {
        let end = self.clock.elapsed() + time;
        while let Some(left) = end.checked_sub(self.clock.elapsed()) {
            self.turn(left)?;
        }
        Ok(())
    }

    /// Waits for events, at most so long, and handles them.
    fn turn(&mut self, longest: Duration) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(longest)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error).context("waiting for sockets"),
        }
        for event in &self.events {
            let Token(token) = event.token();
            let now = self.clock.nanos();
            if let Some(index) = token.checked_sub(PUBLISHERS) {
                let publisher = &mut self.publishers[index];
                if event.is_writable() {
                    publisher.flush()?;
                }
                if event.is_readable() {
                    let (places, ledger, roster) =
                        (&mut self.places, &mut self.ledger, &mut self.roster);
                    publisher.readable(&mut self.scratch, &mut |answer| {
                        places.push_back(index);
                        account(&answer, now, ledger, roster)
                    })?;
                }
                continue;
            }
            let subscriber = &mut self.subscribers[token];
            let (ledger, roster) = (&mut self.ledger, &mut self.roster);
            let mut on = |happening| match happening {
                Happening::Delivery(stamp) => ledger.delivered(token, stamp, now),
                other => roster.note(other),
            };
            let wire: &dyn Wire = self.server.node(token).wire();
            if event.is_writable() {
                subscriber.writable(wire, &mut on);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                subscriber.readable(wire, &mut self.scratch, event.is_read_closed(), &mut on);
            }
        }
        Ok(())
    }
}

/// Notes an answer; fails once there were too many refusals.
fn account(answer: &Answer, now: u64, ledger: &mut Ledger, roster: &mut Roster) -> Result<()> {
    if (200..300).contains(&answer.status) {
        ledger.acknowledged(now.saturating_sub(answer.asked));
        return Ok(());
    }
    ledger.refused(answer.stamp);
    let what = format!(
        "a publish was answered with {}: {}",
        answer.status, answer.body
    );
    if ledger.totals().refusals > REFUSALS_ALLOWED {
        bail!("{what} (more than {REFUSALS_ALLOWED} times)");
    }
    roster.trouble(what);
    Ok(())
}

// === impl Roster ===

impl Roster {
    /// Connections on their way.
    fn pending(&self) -> usize {
        self.opened.saturating_sub(self.joined + self.ended)
    }

    fn note(&mut self, happening: Happening) {
        match happening {
            Happening::Joined => self.joined += 1,
            Happening::Ended(why) => {
                self.ended += 1;
                self.trouble(why);
            }
            Happening::Trouble(what) => self.trouble(what),
            Happening::Delivery(_) => {}
        }
    }

    fn trouble(&mut self, what: String) {
        const KEPT: usize = 3;
        if self.troubles.len() < KEPT && !self.troubles.contains(&what) {
            self.troubles.push(what);
        }
    }
}
