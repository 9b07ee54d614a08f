//! The proof of the waist: a protocol of our own that the engine has never heard of.
//!
//! Its frames are binary, channels are attached and detached with modes, members come in pages, and a
//! session outlives its link for a while. It says everything that the engine can say, so that tests need
//! no other protocol. What a frame holds is an [`Ask`] or a [`Said`], as one kind byte and a body.

use std::time::Duration;

use bytes::Bytes;
use fanline_broker::{Outcome, PresenceChange};
use fanline_model::{Channel, Epoch, Message, Payload, Position};
use fanline_protocol::{
    CloseFrame, Command, Continuity, Dialect, Enter, Event, Format, Frame, Item, Liveness, Modes,
    Open, Protocol, PublishCommand, Start, Subscribe,
};
use fanline_tenancy::{AppRef, Proof};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The kind byte of what a client asks.
const ASK: u8 = 0xa5;
/// The kind byte of what the server says.
const SAID: u8 = 0x5a;

/// A place in a channel: epoch and seq.
pub type Place = (u64, u64);

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Who is asking; again to renew.
    Hello {
        /// The app key.
        app: String,
        /// A token; without one the caller is anonymous.
        token: Option<String>,
        /// The key of an earlier connection.
        key: Option<String>,
        /// Echoed.
        tag: Option<String>,
    },
    /// Subscribes.
    Attach {
        /// The channel.
        channel: String,
        /// Letters: `m`essages, `p`resence, `o`ccupancy.
        modes: String,
        /// The position to go on from.
        since: Option<Place>,
        /// Or so many messages back.
        rewind: Option<usize>,
        /// Echoed.
        tag: Option<String>,
    },
    /// Unsubscribes.
    Detach {
        /// The channel.
        channel: String,
        /// Echoed.
        tag: Option<String>,
    },
    /// Publishes.
    Publish {
        /// The channel.
        channel: String,
        /// The texts, in order.
        texts: Vec<String>,
        /// Not logged.
        ephemeral: bool,
        /// Whether it comes back to the sender.
        echo: Option<bool>,
        /// Echoed.
        tag: Option<String>,
    },
    /// Whether own messages come back.
    Echo(bool, Option<String>),
    /// Becomes a member.
    Enter(String, Option<String>),
    /// Changes the member's data.
    Update(String, String, Option<String>),
    /// Leaves.
    Leave(String, Option<String>),
    /// Asks who is there, so many a page.
    Roster(String, usize, Option<String>),
    /// Says nothing but that it lives.
    Alive,
    /// Ends it.
    Bye,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the engine's events")]
pub enum Said {
    /// The session is open.
    Opened {
        connection: String,
        key: String,
        kept: bool,
        tag: Option<String>,
    },
    /// A subscription stands.
    Attached {
        channel: String,
        verdict: Verdict,
        from: Option<Place>,
        head: Option<Place>,
        tag: Option<String>,
    },
    /// A message.
    Message {
        channel: String,
        place: Option<Place>,
        id: String,
        text: String,
    },
    /// The verdict changed.
    Continuity {
        channel: String,
        verdict: Verdict,
        from: Option<Place>,
        head: Option<Place>,
    },
    /// Left out by policy.
    Skipped {
        channel: String,
        count: u64,
        through: Place,
        reason: String,
    },
    /// The head that was named is reached.
    CaughtUp { channel: String },
    /// A subscription ended.
    Detached {
        channel: String,
        reason: String,
        tag: Option<String>,
    },
    /// A publish was done: the place of each message.
    Published {
        channel: String,
        places: Vec<Option<Place>>,
        ids: Vec<String>,
        tag: Option<String>,
    },
    /// The credential ends soon.
    Renew { within_ms: u64 },
    /// The credential was exchanged.
    Refreshed { tag: Option<String> },
    /// Done.
    Accepted { tag: Option<String> },
    /// Not done.
    Refused {
        code: String,
        channel: Option<String>,
        retry_after_ms: Option<u64>,
        tag: Option<String>,
    },
    /// A page of members.
    Members {
        channel: String,
        members: Vec<(String, String)>,
        revision: u64,
        total: usize,
        last: bool,
        tag: Option<String>,
    },
    /// Somebody came, changed or left.
    Member {
        channel: String,
        change: String,
        member: String,
        edge: bool,
    },
    /// How many listen.
    Occupancy { channel: String, connections: u64 },
    /// The line was silent.
    Idle,
    /// Something behind the server is away, or back.
    Degraded { degraded: bool },
    /// It ends.
    Ending {
        reason: String,
        retry_after_ms: Option<u64>,
    },
    /// The frame made no sense.
    Nonsense,
}

/// What a position is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// None was offered.
    Fresh,
    /// Everything after it follows.
    Kept,
    /// As kept, across a fork.
    Forked(Place),
    /// The messages after it are gone.
    TooOld,
    /// It lies beyond a fork.
    Diverged,
    /// Its epoch is unknown.
    UnknownEpoch,
}

/// The shared half.
#[derive(Clone, Debug)]
pub struct StubGuest {
    /// How long a session outlives its link.
    pub link_grace: Duration,
    /// When silence must be broken.
    pub liveness: Liveness,
}

struct StubDialect(Liveness);

impl Default for StubGuest {
    fn default() -> Self {
        Self {
            link_grace: Duration::ZERO,
            liveness: Liveness {
                idle: Duration::from_secs(30),
                answer_within: Duration::from_secs(10),
            },
        }
    }
}

// === impl frames ===

impl Ask {
    /// The frame.
    pub fn frame(&self) -> Frame {
        write(ASK, self)
    }

    /// Attaches to messages.
    pub fn attach(channel: &str, since: Option<Place>, tag: &str) -> Self {
        Self::Attach {
            channel: channel.to_owned(),
            modes: "m".to_owned(),
            since,
            rewind: None,
            tag: Some(tag.to_owned()),
        }
    }

    /// Detaches.
    pub fn detach(channel: &str, tag: &str) -> Self {
        Self::Detach {
            channel: channel.to_owned(),
            tag: Some(tag.to_owned()),
        }
    }

    /// Publishes texts.
    pub fn publish(channel: &str, texts: &[&str], tag: &str) -> Self {
        Self::Publish {
            channel: channel.to_owned(),
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
            ephemeral: false,
            echo: None,
            tag: Some(tag.to_owned()),
        }
    }
}

impl Said {
    /// Reads a frame; `None` if it is none of this protocol.
    pub fn read(frame: &Frame) -> Option<Self> {
        read(SAID, frame)
    }

    /// The frame.
    pub fn frame(&self) -> Frame {
        write(SAID, self)
    }

    /// The channel it is about.
    pub fn channel(&self) -> Option<&str> {
        match self {
            Self::Attached { channel, .. }
            | Self::Message { channel, .. }
            | Self::Continuity { channel, .. }
            | Self::Skipped { channel, .. }
            | Self::CaughtUp { channel }
            | Self::Detached { channel, .. } => Some(channel),
            _ => None,
        }
    }

    /// The tag that it answers.
    pub fn tag(&self) -> Option<&str> {
        match self {
            Self::Opened { tag, .. }
            | Self::Attached { tag, .. }
            | Self::Detached { tag, .. }
            | Self::Published { tag, .. }
            | Self::Refreshed { tag }
            | Self::Accepted { tag }
            | Self::Refused { tag, .. }
            | Self::Members { tag, .. } => tag.as_deref(),
            _ => None,
        }
    }
}

fn write(kind: u8, value: &impl Serialize) -> Frame {
    let mut bytes = vec![kind];
    // Nothing here can fail to be written: there are no maps and no foreign types.
    let _ = serde_json::to_writer(&mut bytes, value);
    Frame::Binary(bytes.into())
}

fn read<T: DeserializeOwned>(kind: u8, frame: &Frame) -> Option<T> {
    let Frame::Binary(bytes) = frame else {
        return None;
    };
    let (first, body) = bytes.split_first()?;
    (*first == kind).then(|| serde_json::from_slice(body).ok())?
}

// === impl Protocol ===

impl Protocol for StubGuest {
    fn name(&self) -> &'static str {
        "stub"
    }

    fn link_grace(&self) -> Duration {
        self.link_grace
    }

    fn open(&self, _: &Open, _: &mut Vec<Command>) -> Box<dyn Dialect> {
        Box::new(StubDialect(self.liveness))
    }

    fn encode(&self, _: Format, channel: &Channel, message: &Message) -> Option<Frame> {
        Some(said_message(channel, message).frame())
    }
}

impl Dialect for StubDialect {
    fn liveness(&self) -> Liveness {
        self.0
    }

    fn decode(&mut self, frame: Frame, commands: &mut Vec<Command>) {
        let command = read::<Ask>(ASK, &frame)
            .and_then(command)
            .unwrap_or_else(|| Command::Fault(Said::Nonsense.frame()));
        commands.push(command);
    }

    fn encode(&mut self, event: Event, frames: &mut Vec<Frame>) {
        frames.push(said(event).frame());
    }
}

fn command(ask: Ask) -> Option<Command> {
    Some(match ask {
        Ask::Hello {
            app,
            token,
            key,
            tag,
        } => Command::Authenticate {
            app: AppRef::Key(app.into()),
            proof: token.map_or(Proof::None, |token| Proof::Token(token.into())),
            connection_key: key.map(Into::into),
            tag: tag.map(Into::into),
        },
        Ask::Attach {
            channel,
            modes,
            since,
            rewind,
            tag,
        } => {
            let start = match (since, rewind) {
                (Some(place), _) => Start::Since(position(place)),
                (None, Some(count)) => Start::RewindMessages(count),
                (None, None) => Start::Fresh,
            };
            Command::Subscribe(Subscribe {
                modes: Modes {
                    messages: modes.contains('m'),
                    presence: modes.contains('p'),
                    occupancy: modes.contains('o'),
                },
                ..Subscribe::new(Channel::parse(&channel).ok()?, start, tag.map(Into::into))
            })
        }
        Ask::Detach { channel, tag } => Command::Unsubscribe {
            channel: Channel::parse(&channel).ok()?,
            tag: tag.map(Into::into),
        },
        Ask::Publish {
            channel,
            texts,
            ephemeral,
            echo,
            tag,
        } => Command::Publish(PublishCommand {
            channel: Channel::parse(&channel).ok()?,
            items: texts
                .into_iter()
                .map(|text| Item {
                    ephemeral,
                    ..Item::new(Payload::text(text))
                })
                .collect(),
            condition: None,
            echo,
            subscribed_only: false,
            tag: tag.map(Into::into),
        }),
        Ask::Echo(echo, tag) => Command::SetOptions {
            echo,
            tag: tag.map(Into::into),
        },
        Ask::Enter(channel, tag) => Command::Enter(Enter {
            channel: Channel::parse(&channel).ok()?,
            member: None,
            info: None,
            data: None,
            proof: None,
            tag: tag.map(Into::into),
        }),
        Ask::Update(channel, data, tag) => Command::Update {
            channel: Channel::parse(&channel).ok()?,
            data: Some(Bytes::from(data)),
            tag: tag.map(Into::into),
        },
        Ask::Leave(channel, tag) => Command::Leave {
            channel: Channel::parse(&channel).ok()?,
            tag: tag.map(Into::into),
        },
        Ask::Roster(channel, page, tag) => Command::SyncPresence {
            channel: Channel::parse(&channel).ok()?,
            page,
            tag: tag.map(Into::into),
        },
        Ask::Alive => Command::Reply(Said::Idle.frame()),
        Ask::Bye => Command::Close {
            frames: Vec::new(),
            close: CloseFrame {
                code: 1000,
                reason: "bye".to_owned(),
            },
        },
    })
}

fn said(event: Event) -> Said {
    let text = |tag: fanline_protocol::Tag| tag.map(String::from);
    match event {
        Event::Opened {
            connection,
            connection_key,
            kept,
            tag,
            ..
        } => Said::Opened {
            connection: connection.to_string(),
            key: connection_key.into(),
            kept,
            tag: text(tag),
        },
        Event::RenewBy { within, .. } => Said::Renew {
            within_ms: millis(within),
        },
        Event::Refreshed { tag, .. } => Said::Refreshed { tag: text(tag) },
        Event::Subscribed(event) => Said::Attached {
            channel: event.channel.to_string(),
            verdict: verdict(event.continuity),
            from: event.from.map(place),
            head: event.head.map(place),
            tag: text(event.tag),
        },
        Event::Message { channel, message } => said_message(&channel, &message),
        Event::Continuity {
            channel,
            continuity,
            from,
            head,
        } => Said::Continuity {
            channel: channel.to_string(),
            verdict: verdict(continuity),
            from: from.map(place),
            head: head.map(place),
        },
        Event::Skipped {
            channel,
            count,
            through,
            reason,
        } => Said::Skipped {
            channel: channel.to_string(),
            count,
            through: place(through),
            reason: reason.as_str().to_owned(),
        },
        Event::CaughtUp { channel } => Said::CaughtUp {
            channel: channel.to_string(),
        },
        Event::Unsubscribed {
            channel,
            reason,
            tag,
        } => Said::Detached {
            channel: channel.to_string(),
            reason: reason.as_str().to_owned(),
            tag: text(tag),
        },
        Event::Published {
            channel,
            results,
            tag,
        } => Said::Published {
            channel: channel.to_string(),
            places: results
                .iter()
                .map(|one| match &one.outcome {
                    Outcome::Appended { position } | Outcome::Duplicate { position } => {
                        position.map(place)
                    }
                    Outcome::Unchanged { head, .. } => head.map(place),
                })
                .collect(),
            ids: results.iter().map(|one| one.id.to_string()).collect(),
            tag: text(tag),
        },
        Event::Accepted { tag } => Said::Accepted { tag: text(tag) },
        Event::Refused {
            refusal,
            channel,
            tag,
        } => Said::Refused {
            code: refusal.code.name().to_owned(),
            channel: channel.map(|channel| channel.to_string()),
            retry_after_ms: refusal.retry_after.map(millis),
            tag: text(tag),
        },
        Event::PresencePage {
            channel,
            entries,
            revision,
            members,
            last,
            tag,
        } => Said::Members {
            channel: channel.to_string(),
            members: entries
                .iter()
                .map(|entry| {
                    let data = entry.data.as_deref().unwrap_or_default();
                    (
                        entry.member.to_string(),
                        String::from_utf8_lossy(data).into_owned(),
                    )
                })
                .collect(),
            revision: revision.number,
            total: members,
            last,
            tag: text(tag),
        },
        Event::Presence { channel, change } => member(&channel, &change),
        Event::Occupancy {
            channel,
            connections,
        } => Said::Occupancy {
            channel: channel.to_string(),
            connections,
        },
        Event::Idle => Said::Idle,
        Event::Degraded { degraded } => Said::Degraded { degraded },
        Event::Ending {
            reason,
            retry_after,
            ..
        } => Said::Ending {
            reason: reason.name().to_owned(),
            retry_after_ms: retry_after.map(millis),
        },
    }
}

fn member(channel: &Channel, change: &PresenceChange) -> Said {
    let (word, entry, edge) = match change {
        PresenceChange::Entered { entry, first, .. } => ("entered", entry, *first),
        PresenceChange::Updated { entry, .. } => ("updated", entry, false),
        PresenceChange::Left { entry, last, .. } => ("left", entry, *last),
    };
    Said::Member {
        channel: channel.to_string(),
        change: word.to_owned(),
        member: entry.member.to_string(),
        edge,
    }
}

fn said_message(channel: &Channel, message: &Message) -> Said {
    Said::Message {
        channel: channel.to_string(),
        place: message.position.map(place),
        id: message.draft.id.to_string(),
        text: String::from_utf8_lossy(&message.draft.payload.bytes).into_owned(),
    }
}

fn verdict(continuity: Continuity) -> Verdict {
    use fanline_protocol::LostReason;
    match continuity {
        Continuity::Fresh => Verdict::Fresh,
        Continuity::Kept => Verdict::Kept,
        Continuity::Forked { at } => Verdict::Forked(place(at)),
        Continuity::Lost(LostReason::TooOld) => Verdict::TooOld,
        Continuity::Lost(LostReason::Diverged) => Verdict::Diverged,
        Continuity::Lost(LostReason::UnknownEpoch) => Verdict::UnknownEpoch,
    }
}

fn place(position: Position) -> Place {
    (position.epoch.as_u64(), position.seq)
}

fn position((epoch, seq): Place) -> Position {
    Position::new(Epoch::from_u64(epoch), seq)
}

fn millis(while_: Duration) -> u64 {
    u64::try_from(while_.as_millis()).unwrap_or(u64::MAX)
}
