//! What a client asks, in the engine's words.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanline_broker::Condition;
use fanline_model::{Channel, ConnectionId, Header, MessageId, Payload, Position, UserId};
use fanline_tenancy::{AppRef, Proof};

use crate::frame::{CloseFrame, Frame};

/// The protocol's own mark on a command, echoed by exactly one answering event.
pub type Tag = Option<Box<str>>;

/// One thing a client asks of the engine. Commands of one connection act in order.
#[derive(Clone, Debug)]
pub enum Command {
    /// Says who is asking; the first one opens the session, a later one refreshes it (same app, same
    /// subject). What follows waits until it is answered: `Opened` or `Refreshed`, or for the first one
    /// an ending.
    Authenticate {
        /// The app, outside of any token.
        app: AppRef,
        /// The evidence.
        proof: Proof,
        /// The key of an earlier connection whose id is to be kept.
        connection_key: Option<Box<str>>,
        /// Echoed by the answer.
        tag: Tag,
    },
    /// Subscribes a channel; answered by `Subscribed` or `Refused`.
    Subscribe(Subscribe),
    /// Changes how the connection is served.
    SetOptions {
        /// Whether its own messages come back to it.
        echo: bool,
        /// Echoed by the answer.
        tag: Tag,
    },
    /// Ends a subscription; always answered by `Unsubscribed`.
    Unsubscribe {
        /// The channel.
        channel: Channel,
        /// Echoed by the answer.
        tag: Tag,
    },
    /// Publishes; answered by `Published` or `Refused`.
    Publish(PublishCommand),
    /// Enters a channel as a member.
    Enter(Enter),
    /// Changes the client's own data of an entry.
    Update {
        /// The channel.
        channel: Channel,
        /// JSON text.
        data: Option<Bytes>,
        /// Echoed by the answer.
        tag: Tag,
    },
    /// Leaves a channel.
    Leave {
        /// The channel.
        channel: Channel,
        /// Echoed by the answer.
        tag: Tag,
    },
    /// Asks for the roster, in pages; answered by `PresencePage`s.
    SyncPresence {
        /// The channel.
        channel: Channel,
        /// Entries a page.
        page: usize,
        /// Echoed by every page.
        tag: Tag,
    },
    /// A frame that the protocol answers by itself (a pong, an error of form), in order.
    Reply(Frame),
    /// A fault in what the client sent; the frame says which. Too many of them end the connection.
    Fault(Frame),
    /// The protocol ends the connection with its own code, after these frames.
    Close {
        /// The last frames.
        frames: Vec<Frame>,
        /// The protocol's close code.
        close: CloseFrame,
    },
}

/// What of a channel a subscriber gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes {
    /// Messages.
    pub messages: bool,
    /// Changes of members.
    pub presence: bool,
    /// Changes of occupancy.
    pub occupancy: bool,
}

/// Where a subscription begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the head.
    #[default]
    Fresh,
    /// After this position: the last message that the client applied.
    Since(Position),
    /// After whichever of these positions belongs to the channel's lineage (a cursor whose names collide).
    SinceOneOf(Vec<Position>),
    /// At the head, after at most so many earlier messages.
    RewindMessages(usize),
    /// At the head, after the messages of this while.
    RewindFor(Duration),
}

/// A subscription that is asked for.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// The channel.
    pub channel: Channel,
    /// What of it.
    pub modes: Modes,
    /// Where to begin.
    pub start: Start,
    /// Whether last values per key come first.
    pub state: bool,
    /// Evidence for this channel alone (a channel signature).
    pub proof: Option<Proof>,
    /// Echoed by the answer.
    pub tag: Tag,
}

/// One message as a client or backend hands it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The publisher's own id; the server makes one otherwise.
    pub id: Option<MessageId>,
    /// The event name.
    pub name: Option<Arc<str>>,
    /// The key whose last value the message becomes.
    pub key: Option<Arc<str>>,
    /// The payload; the protocol has checked its kind.
    pub payload: Payload,
    /// The user in whose name it is sent; only an API key may name one.
    pub client_id: Option<UserId>,
    /// Free headers.
    pub headers: Vec<Header>,
    /// Not logged.
    pub ephemeral: bool,
    /// Deletes its key's last value.
    pub removed: bool,
    /// Protocols' own attributes, kept verbatim.
    pub attributes: Vec<(Box<str>, Bytes)>,
}

/// A publish on a connection.
#[derive(Clone, Debug)]
pub struct PublishCommand {
    /// Where to.
    pub channel: Channel,
    /// What, in order, as one act.
    pub items: Vec<Item>,
    /// What must hold, or nothing happens.
    pub condition: Option<Condition>,
    /// Whether the publisher itself gets the message (`None`: as the connection's option says).
    pub echo: Option<bool>,
    /// Whether the publisher must be subscribed to the channel (Pusher's client events).
    pub subscribed_only: bool,
    /// Echoed by the answer.
    pub tag: Tag,
}

/// Entering a channel as a member.
#[derive(Clone, Debug)]
pub struct Enter {
    /// The channel.
    pub channel: Channel,
    /// The member id that `proof` vouches for; the verified subject otherwise.
    pub member: Option<UserId>,
    /// JSON text that `proof` vouches for.
    pub info: Option<Bytes>,
    /// JSON text, the client's own word.
    pub data: Option<Bytes>,
    /// Evidence for this channel alone.
    pub proof: Option<Proof>,
    /// Echoed by the answer.
    pub tag: Tag,
}

// === impl Modes ===

impl Modes {
    /// Messages alone.
    pub const MESSAGES: Self = Self {
        messages: true,
        presence: false,
        occupancy: false,
    };
}

// === impl Item ===

impl Item {
    /// An item of this payload with nothing else said.
    pub fn new(payload: Payload) -> Self {
        Self {
            id: None,
            name: None,
            key: None,
            payload,
            client_id: None,
            headers: Vec::new(),
            ephemeral: false,
            removed: false,
            attributes: Vec::new(),
        }
    }
}

// === impl Subscribe ===

impl Subscribe {
    /// A plain subscription to the messages of a channel.
    pub fn new(channel: Channel, start: Start, tag: Tag) -> Self {
        Self {
            channel,
            modes: Modes::MESSAGES,
            start,
            state: false,
            proof: None,
            tag,
        }
    }
}

/// The connection an HTTP publisher excludes.
pub(crate) type Exclude = Option<ConnectionId>;
