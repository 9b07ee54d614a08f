//! A person who enters channels, stays for a while, and leaves or dies.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use fanline_broker::{ChannelId, Entry, PresenceError};
use fanline_model::{ConnectionId, SystemRandom, UserId};
use tokio_util::sync::CancellationToken;

use super::super::Board;
use super::{LEASE, MANY, Rolls};
use crate::dice::Dice;
use crate::log::{Event, Member, Recorder, Topic};

const STAY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(6));
const REST: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// After a call that failed.
const AGAIN: Duration = Duration::from_millis(200);

/// One person.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) recorder: Recorder,
    pub(super) dice: Dice,
    pub(super) rolls: Rolls,
    /// Through which it enters at the same moment, as a client does that comes back on two lines.
    pub(super) second: Option<Rolls>,
    pub(super) board: Arc<Board>,
}

/// One stay of a person on a channel, under a connection of its own.
struct Stay<'a> {
    person: &'a Person,
    topic: &'a Topic,
    channel: &'a ChannelId,
    user: UserId,
    connection: ConnectionId,
    member: Member,
}

// === impl Person ===

impl Person {
    /// Comes and goes until `rest`, then stays as it is until the end.
    pub(super) async fn run(self, rest: CancellationToken, end: CancellationToken) {
        while !rest.is_cancelled() {
            if let Err(error) = self.stay(&rest, &end).await {
                self.recorder.record(Event::Note {
                    text: format!("{error:#}"),
                });
            }
            let pause = self.dice.between(REST.0, REST.1);
            tokio::select! {
                () = rest.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.recorder.record(Event::Stopped);
    }

    async fn stay(&self, rest: &CancellationToken, end: &CancellationToken) -> Result<()> {
        let place = self.dice.pick(&self.rolls.channels);
        let (topic, channel) = place.context("there are channels")?;
        let connection = ConnectionId::generate(&SystemRandom);
        let stay = Stay {
            person: self,
            topic,
            channel,
            user: UserId::parse(&self.name)?,
            connection,
            member: Member {
                member: self.name.clone(),
                connection: connection.to_string(),
            },
        };
        stay.enter(end).await;
        let wants_to_go = tokio::time::sleep(self.dice.between(STAY.0, STAY.1));
        tokio::select! {
            () = stay.renew() => {}
            () = wants_to_go => {}
            () = rest.cancelled() => {
                // Whoever is there when all comes to rest stays, so that the roster has somebody to show.
                tokio::select! {
                    () = stay.renew() => {}
                    () = end.cancelled() => {}
                }
                return Ok(());
            }
        }
        if self.dice.chance(0.5) {
            stay.leave(end).await;
        } else {
            stay.board(false);
            stay.record(|topic, member| Event::Died { topic, member });
        }
        Ok(())
    }
}

// === impl Stay ===

impl Stay<'_> {
    /// Enters, however often it takes.
    async fn enter(&self, end: &CancellationToken) {
        while !end.is_cancelled() {
            self.record(|topic, member| Event::Entering { topic, member });
            let entry = Entry {
                member: self.user.clone(),
                connection: self.connection,
                info: None,
                data: None,
            };
            match self.enter_everywhere(entry).await {
                Ok(()) => {
                    self.board(true);
                    self.record(|topic, member| Event::Present { topic, member });
                    return;
                }
                Err(error) => self.failed(&error).await,
            }
        }
    }

    /// Through one server, or through two at once.
    async fn enter_everywhere(&self, entry: Entry) -> Result<(), PresenceError> {
        let first = &self.person.rolls.presence;
        let Some(second) = &self.person.second else {
            return first
                .enter(self.channel, entry, LEASE, MANY)
                .await
                .map(drop);
        };
        let again = entry.clone();
        tokio::try_join!(
            first.enter(self.channel, entry, LEASE, MANY),
            second.presence.enter(self.channel, again, LEASE, MANY),
        )
        .map(drop)
    }

    /// Leaves, however often it takes.
    async fn leave(&self, end: &CancellationToken) {
        while !end.is_cancelled() {
            self.record(|topic, member| Event::Leaving { topic, member });
            let presence = &self.person.rolls.presence;
            match presence
                .leave(self.channel, &self.user, self.connection)
                .await
            {
                Ok(_) => {
                    self.board(false);
                    self.record(|topic, member| Event::Gone { topic, member });
                    return;
                }
                Err(error) => self.failed(&error).await,
            }
        }
    }

    /// Renews the lease for ever, and enters again where it was lost.
    async fn renew(&self) {
        loop {
            tokio::time::sleep(LEASE / 4).await;
            let entries = [(self.channel.clone(), self.user.clone(), self.connection)];
            match self.person.rolls.presence.refresh(&entries, LEASE).await {
                Ok(present) if present == [false] => {
                    self.board(false);
                    self.record(|topic, member| Event::LeaseLost { topic, member });
                    self.enter(&CancellationToken::new()).await;
                }
                Ok(_) => {}
                Err(error) => self.failed(&error).await,
            }
        }
    }

    async fn failed(&self, error: &PresenceError) {
        self.record(|topic, member| Event::PresenceFailed {
            topic,
            member,
            why: error.to_string(),
        });
        tokio::time::sleep(AGAIN).await;
    }

    fn board(&self, present: bool) {
        let entry = format!("{} {}", self.member.member, self.member.connection);
        self.person.board.is_present(self.topic, &entry, present);
    }

    fn record(&self, event: impl FnOnce(Topic, Member) -> Event) {
        let event = event(self.topic.clone(), self.member.clone());
        self.person.recorder.record(event);
    }
}
