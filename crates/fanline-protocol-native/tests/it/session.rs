//! One connection to the stand-in: commands in, events out, as the engine would.

use std::collections::{HashSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use fanline_model::{Channel, CloseReason, ConnectionId, ErrorCode, Message, Origin, Position};
use fanline_protocol::{
    CloseFrame, Command, Continuity, Dialect, Event, Format, Frame, LostReason, Open, Protocol,
    PublishCommand, Refusal, SkipReason, Start, Subscribe, SubscribedEvent, Transport,
    UnsubscribeReason,
};
use fanline_protocol_native::NativeProtocol;
use fanline_tenancy::access::{self, Action};

use crate::world::{Act, World};

/// What the connection's id is, always.
const CONNECTION: &str = "12345.67890";

pub(crate) struct Session {
    world: Arc<World>,
    dialect: Box<dyn Dialect>,
    caller: Option<fanline_protocol::Caller>,
    subscribed: HashSet<Channel>,
    echo: bool,
    pub(crate) sent: VecDeque<String>,
    pub(crate) closed: Option<CloseFrame>,
}

/// A request to `/v1/connect`.
pub(crate) fn open(query: &str, authorization: Option<&str>) -> Open {
    let mut open = Open::bare(Transport::WebSocket, IpAddr::V4(Ipv4Addr::LOCALHOST));
    query.clone_into(&mut open.query);
    if let Some(value) = authorization {
        open.headers.insert("authorization", value.parse().unwrap());
    }
    open
}

impl Session {
    pub(crate) fn new(world: Arc<World>, open: &Open) -> Self {
        let mut commands = Vec::new();
        let dialect = NativeProtocol.open(open, &mut commands);
        assert!(
            commands.is_empty(),
            "the native protocol asks for nothing before its first frame"
        );
        let (subscribed, sent) = (HashSet::new(), VecDeque::new());
        Self {
            world,
            dialect,
            caller: None,
            subscribed,
            echo: true,
            sent,
            closed: None,
        }
    }

    /// The client sends a frame.
    pub(crate) fn receive(&mut self, frame: Frame) {
        let mut commands = Vec::new();
        self.dialect.decode(frame, &mut commands);
        for command in commands {
            self.act(command);
        }
    }

    /// A backend publishes.
    pub(crate) fn deliver(&mut self, channel: &Channel, messages: &[Arc<Message>]) {
        if !self.subscribed.contains(channel) {
            return;
        }
        for message in messages {
            let frame = NativeProtocol
                .encode(Format::default(), channel, message)
                .unwrap();
            self.send(&frame);
        }
    }

    /// Something happens that no client can bring about.
    pub(crate) fn event(&mut self, event: Event) {
        let mut frames = Vec::new();
        self.dialect.encode(event, &mut frames);
        frames.iter().for_each(|frame| self.send(frame));
    }

    /// An event of the engine, by the name that transcripts call it.
    pub(crate) fn named_event(&mut self, name: &str, channel: Option<&str>) {
        let channel = || Channel::parse(channel.unwrap()).unwrap();
        let at = |channel: &Channel| self.world.since(channel, None).2;
        let event = match name {
            "idle" => Event::Idle,
            "renew" => Event::RenewBy {
                expires_at: crate::world::NOW.plus(Duration::from_secs(60)),
                within: Duration::from_secs(60),
            },
            "degraded" => Event::Degraded { degraded: true },
            "restored" => Event::Degraded { degraded: false },
            "revoked" => Event::Unsubscribed {
                channel: channel(),
                reason: UnsubscribeReason::Revoked,
                tag: None,
            },
            "slow" => {
                let channel = channel();
                let through = at(&channel);
                Event::Skipped {
                    channel,
                    count: 3,
                    through,
                    reason: SkipReason::Slow,
                }
            }
            "too_old" => {
                let channel = channel();
                let head = Some(at(&channel));
                let continuity = Continuity::Lost(LostReason::TooOld);
                Event::Continuity {
                    channel,
                    continuity,
                    from: head,
                    head,
                }
            }
            "forked" => {
                let channel = channel();
                let head = at(&channel);
                let continuity = Continuity::Forked {
                    at: Position::new(head.epoch, head.seq - 1),
                };
                Event::Continuity {
                    channel,
                    continuity,
                    from: Some(head),
                    head: Some(head),
                }
            }
            "drain" => {
                let retry_after = Some(Duration::from_millis(740));
                return self.end(CloseReason::Drain, None, retry_after);
            }
            other => panic!("no event is called {other}"),
        };
        self.event(event);
    }

    fn send(&mut self, frame: &Frame) {
        let Frame::Text(bytes) = frame else {
            panic!("the native protocol sends text")
        };
        self.sent
            .push_back(String::from_utf8(bytes.to_vec()).unwrap());
    }

    fn end(&mut self, reason: CloseReason, detail: Option<String>, retry_after: Option<Duration>) {
        self.event(Event::Ending {
            reason,
            detail,
            retry_after,
        });
        self.closed = Some(self.dialect.close(reason));
    }

    fn act(&mut self, command: Command) {
        if self.closed.is_some() {
            return;
        }
        match command {
            Command::Authenticate {
                app, proof, tag, ..
            } => match self.world.caller(&app, &proof) {
                Ok(caller) if self.caller.is_some() => {
                    let expires_at = caller.authority.expires_at;
                    self.caller = Some(caller);
                    self.event(Event::Refreshed { expires_at, tag });
                }
                Err(refusal) if self.caller.is_some() => self.event(Event::Refused {
                    refusal,
                    channel: None,
                    tag,
                }),
                Ok(caller) => {
                    let limits = Arc::new(caller.app.settings.limits.clone());
                    let authority = caller.authority.clone();
                    self.caller = Some(caller);
                    self.event(Event::Opened {
                        connection: ConnectionId::parse(CONNECTION).unwrap(),
                        connection_key: "a-key".into(),
                        kept: false,
                        subject: authority.subject,
                        limits,
                        expires_at: authority.expires_at,
                        tag,
                    });
                }
                Err(refusal) => self.end(refusal.close_reason(), Some(refusal.detail), None),
            },
            Command::Subscribe(subscribe) => self.subscribe(subscribe),
            Command::Unsubscribe { channel, tag } => {
                self.subscribed.remove(&channel);
                self.event(Event::Unsubscribed {
                    channel,
                    reason: UnsubscribeReason::Requested,
                    tag,
                });
            }
            Command::SetOptions { echo, tag } => {
                self.echo = echo;
                self.event(Event::Accepted { tag });
            }
            Command::Publish(publish) => self.publish(publish),
            Command::Reply(frame) | Command::Fault(frame) => self.send(&frame),
            Command::Close { frames, close } => {
                frames.iter().for_each(|frame| self.send(frame));
                self.closed = Some(close);
            }
            other => panic!("not a command of this protocol yet: {other:?}"),
        }
    }

    fn allowed(&self, action: Action, channel: &Channel) -> Result<(), Refusal> {
        let caller = self.caller.as_ref().unwrap();
        Ok(access::decide(
            &caller.app,
            &caller.authority,
            action,
            channel,
            false,
        )?)
    }

    fn subscribe(
        &mut self,
        Subscribe {
            channel,
            modes,
            start,
            state,
            tag,
            ..
        }: Subscribe,
    ) {
        let not_built = || Refusal::new(ErrorCode::NotSupported, "state is not built yet");
        let allowed = self.allowed(Action::Subscribe, &channel);
        if let Err(refusal) = allowed.and(if state { Err(not_built()) } else { Ok(()) }) {
            return self.event(Event::Refused {
                refusal,
                channel: Some(channel),
                tag,
            });
        }
        let (_, everything, head) = self.world.since(&channel, None);
        let (continuity, messages, from) = if !self.subscribed.insert(channel.clone()) {
            (Continuity::Kept, Vec::new(), head)
        } else {
            match start {
                Start::Fresh => (Continuity::Fresh, Vec::new(), head),
                Start::RewindMessages(count) => {
                    let messages = everything[everything.len().saturating_sub(count)..].to_vec();
                    let from = Position::new(head.epoch, head.seq - messages.len() as u64);
                    (Continuity::Fresh, messages, from)
                }
                Start::RewindFor(_) => {
                    (Continuity::Fresh, everything, Position::new(head.epoch, 0))
                }
                Start::Since(position) => self.resume(&channel, position),
                Start::SinceOneOf(positions) => self.resume(&channel, positions[0]),
            }
        };
        self.event(Event::Subscribed(SubscribedEvent {
            channel: channel.clone(),
            modes,
            continuity,
            from: Some(from),
            head: Some(head),
            open_by_preset: self.world.app.rules.of(&channel).preset,
            tag,
        }));
        self.deliver(&channel, &messages);
        self.event(Event::CaughtUp { channel });
    }

    fn resume(
        &self,
        channel: &Channel,
        position: Position,
    ) -> (Continuity, Vec<Arc<Message>>, Position) {
        let (continuity, messages, head) = self.world.since(channel, Some(position));
        let from = if continuity == Continuity::Kept {
            position
        } else {
            head
        };
        (continuity, messages, from)
    }

    fn publish(&mut self, publish: PublishCommand) {
        let PublishCommand {
            channel,
            items,
            condition,
            echo,
            tag,
            ..
        } = publish;
        if let Err(refusal) = self.allowed(Action::Publish, &channel) {
            return self.event(Event::Refused {
                refusal,
                channel: Some(channel),
                tag,
            });
        }
        let largest = self.world.app.settings.limits.message_bytes;
        if items.iter().any(|item| item.payload.bytes.len() > largest) {
            let refusal = Refusal::new(
                ErrorCode::TooLarge,
                format!("a message has at most {largest} bytes of data"),
            );
            return self.event(Event::Refused {
                refusal,
                channel: Some(channel),
                tag,
            });
        }
        let connection = ConnectionId::parse(CONNECTION).ok();
        let client_id = self.caller.as_ref().unwrap().authority.subject.clone();
        let origin = Origin {
            connection,
            exclude: None,
            client_id,
        };
        match self.world.act(
            &channel,
            Act {
                items,
                ids: None,
                origin,
                condition,
            },
        ) {
            Err(refusal) => self.event(Event::Refused {
                refusal,
                channel: Some(channel),
                tag,
            }),
            Ok((results, new)) => {
                self.event(Event::Published {
                    channel: channel.clone(),
                    results,
                    tag,
                });
                if echo.unwrap_or(self.echo) {
                    self.deliver(&channel, &new);
                } else if self.subscribed.contains(&channel) {
                    for through in new.iter().filter_map(|message| message.position) {
                        let reason = SkipReason::Excluded;
                        self.event(Event::Skipped {
                            channel: channel.clone(),
                            count: 1,
                            through,
                            reason,
                        });
                    }
                }
            }
        }
    }
}
