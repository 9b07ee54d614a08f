//! The two halves of a protocol.

use std::time::Duration;

use fanline_model::{Channel, CloseReason, Message};

use crate::command::Command;
use crate::event::Event;
use crate::frame::{CloseFrame, Frame};
use crate::open::Open;

/// Which of a protocol's encodings a connection reads. Encode-once is per (protocol, format).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Format(pub u8);

/// When a protocol wants silence broken, and when it takes it for death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// After so long without a frame from the server, or from the client, comes [`Event::Idle`].
    pub idle: Duration,
    /// How long the client may then stay silent before the connection is closed.
    pub answer_within: Duration,
}

/// The shared half: pure, one per protocol.
pub trait Protocol: Send + Sync + 'static {
    /// The protocol's name, in metrics and logs.
    fn name(&self) -> &'static str;

    /// The WebSocket subprotocols it speaks, best first. Empty: it neither asks for one nor answers one.
    fn subprotocols(&self) -> &'static [&'static str] {
        &[]
    }

    /// How long a session outlives its link, waiting for another one. Zero: they end together.
    fn link_grace(&self) -> Duration {
        Duration::ZERO
    }

    /// A connection begins. `commands` gets what the request itself already asks.
    fn open(&self, open: &Open, commands: &mut Vec<Command>) -> Box<dyn Dialect>;

    /// Encodes a message of a channel, once for every listener of this format. `None`: this protocol has
    /// no frame for it.
    fn encode(&self, format: Format, channel: &Channel, message: &Message) -> Option<Frame>;
}

/// The half of one connection. It is called by one task at a time and must never wait.
pub trait Dialect: Send {
    /// Which encoding of channel messages this connection reads.
    fn format(&self) -> Format {
        Format::default()
    }

    /// When silence must be broken.
    fn liveness(&self) -> Liveness;

    /// Turns a client's frame into commands. Faults are commands too ([`Command::Fault`]). It is called
    /// only while no `Authenticate` is pending, so that it may know what `Opened` said.
    fn decode(&mut self, frame: Frame, commands: &mut Vec<Command>);

    /// Turns an event into frames, appended in order; none if the protocol cannot say it.
    fn encode(&mut self, event: Event, frames: &mut Vec<Frame>);

    /// Whether the connection must end because the protocol cannot carry on after this event (one that
    /// cannot say that messages were lost). Asked before the event is encoded.
    fn ends_on(&self, event: &Event) -> Option<CloseReason> {
        let _ = event;
        None
    }

    /// The close frame for an ending, after the frames that [`Event::Ending`] made.
    fn close(&self, reason: CloseReason) -> CloseFrame {
        CloseFrame {
            code: reason.code(),
            reason: reason.name().to_owned(),
        }
    }
}
