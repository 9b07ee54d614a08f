//! The shared half: what is the same for every connection.

use std::time::Duration;

use fanline_model::{Channel, Message};
use fanline_protocol::{Command, Dialect, Format, Frame, Open, Protocol};
use fanline_tenancy::{AppRef, Proof};

use crate::dialect::PusherDialect;
use crate::ending::Ending;
use crate::{event, frames, opening};

/// Pusher Channels over WebSocket, versions 4 to 7. Its mount is `/app`, the app's key follows.
#[derive(Clone, Debug)]
pub struct PusherProtocol {
    activity_timeout: Duration,
}

// === impl PusherProtocol ===

impl PusherProtocol {
    /// The protocol with the hosted service's activity timeout, 120 seconds.
    #[must_use]
    pub fn new() -> Self {
        Self {
            activity_timeout: Duration::from_secs(120),
        }
    }

    /// The same with another activity timeout: how long a client waits in silence before it asks for a
    /// sign of life. Whole seconds, at least one: a client that is told 0 never connects.
    #[must_use]
    pub fn with_activity_timeout(self, timeout: Duration) -> Self {
        Self {
            activity_timeout: Duration::from_secs(timeout.as_secs().max(1)),
        }
    }
}

impl Default for PusherProtocol {
    fn default() -> Self {
        Self::new()
    }
}

impl Protocol for PusherProtocol {
    fn name(&self) -> &'static str {
        "pusher"
    }

    fn open(&self, open: &Open, commands: &mut Vec<Command>) -> Box<dyn Dialect> {
        let key = match opening::read(open) {
            Ok(key) => key,
            Err(ending) => {
                commands.push(refuse(ending));
                "".into()
            }
        };
        if !key.is_empty() {
            commands.push(Command::Authenticate {
                app: AppRef::Key(key.clone()),
                proof: Proof::None,
                connection_key: None,
                tag: None,
            });
        }
        Box::new(PusherDialect::new(key, self.activity_timeout))
    }

    fn encode(&self, _: Format, channel: &Channel, message: &Message) -> Option<Frame> {
        Some(event::encode(channel, message))
    }
}

fn refuse(ending: Ending) -> Command {
    Command::Close {
        frames: vec![frames::error(Some(ending.code), ending.text)],
        close: frames::close(ending),
    }
}
