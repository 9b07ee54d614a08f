//! The half of one connection: a client's frames into commands, the engine's events into frames.

mod client_event;
mod refusal;
mod subscription;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanline_model::{CloseReason, ConnectionId};
use fanline_protocol::{CloseFrame, Command, Continuity, Dialect, Event, Frame, Liveness};

use crate::event::{self, CLIENT_PREFIX, channel_text};
use crate::json::clip;
use crate::{ending, envelope, frames};

/// How much longer than a client the server waits in silence before it asks for a sign of life.
const MARGIN: Duration = Duration::from_secs(10);

/// How long a client may take to answer a ping.
const PONG_WITHIN: Duration = Duration::from_secs(30);

/// One Pusher connection. It holds no more than these few words: there may be very many.
#[derive(Debug)]
pub(crate) struct PusherDialect {
    /// The key that the client connected with, for the sentences that name it.
    key: Arc<str>,
    activity_timeout: Duration,
    /// The socket id, once the session is open: what clients sign holds it.
    connection: Option<ConnectionId>,
}

/// What is wrong with a client's frame, as a sentence for the client.
type Fault = Cow<'static, str>;

// === impl PusherDialect ===

impl PusherDialect {
    pub(crate) fn new(key: Arc<str>, activity_timeout: Duration) -> Self {
        Self {
            key,
            activity_timeout,
            connection: None,
        }
    }

    fn ending(&self, reason: CloseReason, detail: Option<&str>) -> Frame {
        let ending = ending::of(reason);
        let message = match (reason, detail) {
            (CloseReason::UnknownApp, _) => Cow::Owned(format!(
                "App key {} not in this cluster. Did you forget to specify the cluster?",
                clip(&self.key)
            )),
            (_, Some(detail)) => Cow::Owned(format!("{}: {detail}", ending.text)),
            (_, None) => Cow::Borrowed(ending.text),
        };
        frames::error(Some(ending.code), &message)
    }
}

impl Dialect for PusherDialect {
    fn liveness(&self) -> Liveness {
        Liveness {
            idle: self.activity_timeout + MARGIN,
            answer_within: PONG_WITHIN,
        }
    }

    fn decode(&mut self, frame: Frame, commands: &mut Vec<Command>) {
        // Never before the session is open: a pong must not go ahead of the greeting.
        let Some(connection) = self.connection else {
            return;
        };
        let read = match &frame {
            Frame::Text(text) => read(text, connection, commands),
            Frame::Binary(_) => {
                Err("Binary frames are not part of this protocol; send text".into())
            }
        };
        if let Err(fault) = read {
            commands.push(Command::Fault(frames::error(None, &fault)));
        }
    }

    fn encode(&mut self, event: Event, frames: &mut Vec<Frame>) {
        match event {
            Event::Opened { connection, .. } => {
                self.connection = Some(connection);
                frames.push(frames::established(
                    connection,
                    self.activity_timeout.as_secs(),
                ));
            }
            Event::Subscribed(subscribed) => {
                frames.push(frames::subscription_succeeded(&channel_text(
                    &subscribed.channel,
                )));
            }
            Event::Message { channel, message } => frames.push(event::encode(&channel, &message)),
            Event::Unsubscribed {
                channel, reason, ..
            } => {
                frames.extend(subscription::ended(&channel, reason));
            }
            Event::Refused {
                refusal,
                channel,
                tag,
            } => {
                refusal::say(&self.key, &refusal, channel.as_ref(), &tag, frames);
            }
            Event::Idle => frames.push(frames::ping()),
            Event::Ending { reason, detail, .. } => {
                frames.push(self.ending(reason, detail.as_deref()))
            }
            // Positions and their verdicts, renewals, presence and occupancy: nothing of them can be said
            // here, or not yet. `ends_on` is the answer to the one that must not pass in silence.
            Event::RenewBy { .. }
            | Event::Refreshed { .. }
            | Event::Continuity { .. }
            | Event::Skipped { .. }
            | Event::CaughtUp { .. }
            | Event::Published { .. }
            | Event::Accepted { .. }
            | Event::PresencePage { .. }
            | Event::Presence { .. }
            | Event::Occupancy { .. }
            | Event::Degraded { .. } => {}
        }
    }

    fn ends_on(&self, event: &Event) -> Option<CloseReason> {
        match event {
            Event::Continuity {
                continuity: Continuity::Lost(_),
                ..
            } => Some(CloseReason::ContinuityLost),
            _ => None,
        }
    }

    fn close(&self, reason: CloseReason) -> CloseFrame {
        frames::close(ending::of(reason))
    }
}

fn read(bytes: &Bytes, connection: ConnectionId, commands: &mut Vec<Command>) -> Result<(), Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| "The frame is not UTF-8")?;
    let envelope = envelope::read(text).map_err(|malformed| malformed.to_string())?;
    match &*envelope.event {
        "pusher:ping" => commands.push(Command::Reply(frames::pong())),
        "pusher:pong" => {}
        "pusher:subscribe" => subscription::subscribe(&envelope, connection, commands)?,
        "pusher:unsubscribe" => subscription::unsubscribe(&envelope, commands)?,
        "pusher:signin" => {
            let message = "Signing in is not served over the Pusher protocol yet";
            commands.push(Command::Reply(frames::error(None, message)));
        }
        event => match event.strip_prefix(CLIENT_PREFIX) {
            Some(name) => client_event::publish(name, &envelope, bytes, commands)?,
            None => {
                return Err(
                    format!("Unsupported event received on socket: '{}'", clip(event)).into(),
                );
            }
        },
    }
    Ok(())
}
