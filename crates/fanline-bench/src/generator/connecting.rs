//! Bringing up subscribers and publishers.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use mio::{Interest, Token};

use super::{Generator, PUBLISHERS, Publisher, Subscriber, socket};

/// Between two looks at the budget.
const TURN: Duration = Duration::from_millis(100);
/// Files beside the sockets: binaries, the epoll, the server's store.
const OTHER_FILES: usize = 200;

impl Generator<'_> {
    /// Subscribes until so many are there, with at most `at_once` on their way, and says how long
    /// that took.
    pub(crate) fn subscribe(
        &mut self,
        count: usize,
        at_once: usize,
        budget: Duration,
    ) -> Result<Duration> {
        for process in self.server.processes() {
            process.require_open_files(count + OTHER_FILES)?;
        }
        crate::proc::Process::this().require_open_files(count + OTHER_FILES)?;
        let start = self.clock.elapsed();
        while self.roster.joined < count {
            while self.subscribers.len() < count && self.roster.pending() < at_once {
                self.open_subscriber()?;
            }
            self.turn(TURN)?;
            if self.roster.ended > 0 {
                bail!(
                    "a subscriber did not get in: {}",
                    self.roster.troubles.join("; ")
                );
            }
            if self.clock.elapsed() - start > budget {
                bail!(
                    "only {} of {count} subscribers were in after {budget:?}: {}",
                    self.roster.joined,
                    self.roster.troubles.join("; ")
                );
            }
        }
        Ok(self.clock.elapsed() - start)
    }

    /// Opens every publisher's connection, each with places for so many requests in flight.
    pub(crate) fn connect_publishers(&mut self, in_flight: usize) -> Result<()> {
        for index in 0..self.audience.publishers() {
            let mut publisher =
                Publisher::new(socket::open(self.server.node(index).address(), index)?);
            self.poll
                .registry()
                .register(
                    publisher.stream(),
                    Token(PUBLISHERS + index),
                    Interest::READABLE | Interest::WRITABLE,
                )
                .context("watching a publisher")?;
            self.publishers.push(publisher);
        }
        for _ in 0..in_flight {
            self.places.extend(0..self.publishers.len());
        }
        Ok(())
    }

    fn open_subscriber(&mut self) -> Result<()> {
        let index = self.subscribers.len();
        let channel = self.audience.channel_of_subscriber(index);
        let stream = socket::open(self.server.node(index).address(), index)?;
        let mut subscriber = Subscriber::new(stream, channel.map(Arc::from));
        self.poll
            .registry()
            .register(
                subscriber.stream(),
                Token(index),
                Interest::READABLE | Interest::WRITABLE,
            )
            .context("watching a subscriber")?;
        self.subscribers.push(subscriber);
        self.roster.opened += 1;
        Ok(())
    }
}
