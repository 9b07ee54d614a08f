//! The half of one connection: what it may say next, and what it was told.

mod dispatch;
mod refused;

use std::sync::{Arc, LazyLock};

use fanline_model::{CloseReason, ErrorCode, Limits};
use fanline_protocol::{CloseFrame, Command, Dialect, Event, Frame, Liveness, Open, Refusal, Tag};
use fanline_tenancy::AppRef;

use self::dispatch::dispatch;
use self::refused::{error_code, refused_credential};
use crate::credential::Credential;
use crate::decode::{self, Decoder, Head};
use crate::encode::{self, Hello};
use crate::protocol::LIVENESS;

/// What holds until `Opened` names the app's own.
static BEFORE_OPENED: LazyLock<Arc<Limits>> = LazyLock::new(Arc::default);

/// One connection that speaks `fanline.v1`.
#[derive(Debug)]
pub(crate) struct NativeDialect {
    state: State,
    limits: Arc<Limits>,
}

#[derive(Debug)]
enum State {
    /// The first frame is awaited. What the request itself said fills in what the frame leaves out.
    Waiting(Box<FromRequest>),
    /// The first frame is judged; its mark is still owed an answer.
    Connecting { app: AppRef, tag: Tag },
    /// The session is open, in this app.
    Open { app: AppRef },
    /// The connection was refused.
    Refused,
}

#[derive(Default)]
struct FromRequest {
    app: Option<String>,
    token: Option<String>,
}

// === impl NativeDialect ===

impl NativeDialect {
    /// A connection that this request opened.
    pub(crate) fn new(open: &Open) -> Self {
        let app = open
            .query
            .split('&')
            .find_map(|pair| pair.strip_prefix("app="))
            .map(decoded);
        let token = open.bearer().map(str::to_owned);
        let state = State::Waiting(Box::new(FromRequest { app, token }));
        Self {
            state,
            limits: BEFORE_OPENED.clone(),
        }
    }

    fn first(&mut self, text: &str, commands: &mut Vec<Command>) {
        let (tag, outcome) = match Head::read(text) {
            Err(refusal) => (None, Err((CloseReason::InvalidConnect, refusal))),
            Ok(head) => {
                let outcome = self.connect(&head, text, commands);
                (head.tag, outcome)
            }
        };
        if let Err((reason, refusal)) = outcome {
            self.refuse(reason, &refusal, &tag, commands);
        }
    }

    fn connect(
        &mut self,
        head: &Head,
        text: &str,
        commands: &mut Vec<Command>,
    ) -> Result<(), (CloseReason, Refusal)> {
        let invalid = |refusal| (CloseReason::InvalidConnect, refusal);
        if &*head.kind != "connect" {
            let sentence = "the first frame must be a connect frame: {\"type\":\"connect\",\"app\":…,\"subscribe\":[…]}";
            return Err(invalid(Refusal::new(ErrorCode::InvalidRequest, sentence)));
        }
        let frame = decode::connect(text, &self.limits).map_err(invalid)?;
        let State::Waiting(request) = &self.state else {
            return Ok(());
        };
        let app = frame.app.as_deref().or(request.app.as_deref());
        let token = frame.token.as_deref().or(request.token.as_deref());
        let credential = Credential::read(app, token).map_err(refused_credential)?;

        self.state = State::Connecting {
            app: credential.app.clone(),
            tag: head.tag.clone(),
        };
        commands.push(Command::Authenticate {
            app: credential.app,
            proof: credential.proof,
            connection_key: frame.connection_key,
            tag: head.tag.clone(),
        });
        if let Some(echo) = frame.echo {
            commands.push(Command::SetOptions { echo, tag: None });
        }
        let mut decoder = Decoder {
            limits: &self.limits,
            commands,
        };
        decoder.entries(&frame.subscribe, frame.cursor.as_ref());
        Ok(())
    }

    /// Ends a connection whose first frame is none.
    fn refuse(
        &mut self,
        reason: CloseReason,
        refusal: &Refusal,
        tag: &Tag,
        commands: &mut Vec<Command>,
    ) {
        self.state = State::Refused;
        let frames = vec![
            encode::refusal(refusal, None, tag),
            encode::closing(reason, Some(&refusal.detail), None),
        ];
        commands.push(Command::Close {
            frames,
            close: self.close(reason),
        });
    }

    fn later(&mut self, app: &AppRef, text: &str, commands: &mut Vec<Command>) {
        let mut decoder = Decoder {
            limits: &self.limits,
            commands,
        };
        match Head::read(text) {
            Err(refusal) => decoder.fault(&refusal, &None),
            Ok(head) => {
                if let Err(refusal) = dispatch(&mut decoder, app, &head, text) {
                    decoder.fault(&refusal, &head.tag);
                }
            }
        }
    }

    /// The answer that a refused connect frame is still owed.
    fn refused_connect(&mut self, reason: CloseReason, detail: Option<&str>) -> Option<Frame> {
        let State::Connecting { tag, .. } = std::mem::replace(&mut self.state, State::Refused)
        else {
            return None;
        };
        let refusal = Refusal::new(error_code(reason), detail.unwrap_or(reason.sentence()));
        Some(encode::refusal(&refusal, None, &tag))
    }
}

impl Dialect for NativeDialect {
    fn liveness(&self) -> Liveness {
        LIVENESS
    }

    fn decode(&mut self, frame: Frame, commands: &mut Vec<Command>) {
        let text = match &frame {
            Frame::Text(bytes) => std::str::from_utf8(bytes).ok(),
            Frame::Binary(_) => None,
        };
        let binary = || {
            Refusal::new(
                ErrorCode::InvalidRequest,
                "frames are text: one JSON object each",
            )
        };
        match (&self.state, text) {
            (State::Refused, _) => {}
            (State::Waiting(_), Some(text)) => self.first(text, commands),
            (State::Waiting(_), None) => {
                self.refuse(CloseReason::InvalidConnect, &binary(), &None, commands)
            }
            (State::Connecting { app, .. } | State::Open { app }, Some(text)) => {
                let app = app.clone();
                self.later(&app, text, commands);
            }
            (State::Connecting { .. } | State::Open { .. }, None) => {
                Decoder {
                    limits: &self.limits,
                    commands,
                }
                .fault(&binary(), &None);
            }
        }
    }

    fn encode(&mut self, event: Event, frames: &mut Vec<Frame>) {
        let frame = match event {
            Event::Opened {
                connection,
                connection_key,
                kept,
                subject,
                limits,
                expires_at,
                tag,
            } => {
                if let State::Connecting { app, .. } = &self.state {
                    self.state = State::Open { app: app.clone() };
                }
                let hello = Hello {
                    connection,
                    connection_key: &connection_key,
                    kept,
                    subject: subject.as_ref(),
                    expires_at,
                    limits: &limits,
                };
                let frame = encode::connected(&hello, &tag);
                self.limits = limits;
                Some(frame)
            }
            Event::RenewBy { expires_at, within } => Some(encode::renew(expires_at, within)),
            Event::Refreshed { expires_at, tag } => Some(encode::refreshed(expires_at, &tag)),
            Event::Subscribed(event) => Some(encode::subscribed(&event)),
            Event::Message { channel, message } => Some(encode::message_frame(&channel, &message)),
            Event::Continuity {
                channel,
                continuity,
                from,
                head,
            } => Some(encode::continuity(&channel, continuity, from, head)),
            Event::Skipped {
                channel,
                count,
                through,
                reason,
            } => Some(encode::skipped(&channel, count, through, reason)),
            Event::CaughtUp { channel } => Some(encode::caught_up(&channel)),
            Event::Unsubscribed {
                channel,
                reason,
                tag,
            } => Some(encode::unsubscribed(&channel, reason, &tag)),
            Event::Published {
                channel,
                results,
                tag,
            } => Some(encode::published(&channel, &results, &tag)),
            Event::Accepted { tag } => tag.map(|tag| encode::accepted(&tag)),
            Event::Refused {
                refusal,
                channel,
                tag,
            } => Some(encode::refusal(&refusal, channel.as_ref(), &tag)),
            Event::Idle => Some(encode::ping()),
            Event::Degraded { degraded } => Some(encode::degraded(degraded)),
            Event::Ending {
                reason,
                detail,
                retry_after,
            } => {
                frames.extend(self.refused_connect(reason, detail.as_deref()));
                Some(encode::closing(reason, detail.as_deref(), retry_after))
            }
            // Not said yet: nobody can have asked for them (`decode::subscribe`).
            Event::PresencePage { .. } | Event::Presence { .. } | Event::Occupancy { .. } => None,
        };
        frames.extend(frame);
    }

    fn close(&self, reason: CloseReason) -> CloseFrame {
        CloseFrame {
            code: reason.code(),
            reason: reason.name().to_owned(),
        }
    }
}

fn decoded(value: &str) -> String {
    percent_encoding::percent_decode_str(value)
        .decode_utf8_lossy()
        .into_owned()
}

impl std::fmt::Debug for FromRequest {
    /// Says that there is a token, never which.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromRequest")
            .field("app", &self.app)
            .field("token", &self.token.is_some())
            .finish()
    }
}
