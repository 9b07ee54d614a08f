//! The shared half: pure, one per process.

use std::time::Duration;

use fanline_model::{Channel, Message};
use fanline_protocol::{Command, Dialect, Format, Frame, Liveness, Open, Protocol};

use crate::dialect::NativeDialect;
use crate::encode;

/// The subprotocol of this version.
const SUBPROTOCOL: &str = "fanline.v1";

/// When a silent line is spoken on, and how long its silence is then borne (PROTOCOL, Frames and order).
pub(crate) const LIVENESS: Liveness = Liveness {
    idle: Duration::from_secs(25),
    answer_within: Duration::from_secs(10),
};

/// Fanline's own protocol: one JSON object per text frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeProtocol;

impl Protocol for NativeProtocol {
    fn name(&self) -> &'static str {
        "native"
    }

    fn subprotocols(&self) -> &'static [&'static str] {
        &[SUBPROTOCOL]
    }

    fn open(&self, open: &Open, _commands: &mut Vec<Command>) -> Box<dyn Dialect> {
        Box::new(NativeDialect::new(open))
    }

    fn encode(&self, _format: Format, channel: &Channel, message: &Message) -> Option<Frame> {
        Some(encode::message_frame(channel, message))
    }
}
