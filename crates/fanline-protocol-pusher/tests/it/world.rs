//! One line sets a world up: two apps, a clock that stands still, and an engine of a few lines that does
//! to commands what the real one does, with the real judge of proofs and the real wall.
//!
//! Every frame that leaves it is held against the rules that hold for all of them (c019 to c022).

mod backend;
mod client;
mod realtime;

use std::sync::{Arc, Mutex, MutexGuard};

use fanline_model::{
    AppId, Channel, ConnectionId, Draft, ErrorCode, Limits, ManualClock, Message, MessageId,
    Origin, SeededRandom, TenantId, Timestamp, validate_event_name,
};
use fanline_protocol::{
    Caller, CloseFrame, Command, Continuity, Dialect, Event, Format, Frame, Item, Open, Protocol,
    PublishCommand, Refusal, Subscribe, SubscribedEvent, Tag, Transport, UnsubscribeReason,
};
use fanline_protocol_pusher::PusherProtocol;
use fanline_tenancy::access::{Action, decide};
use fanline_tenancy::{
    AppKey, AppRef, AppSettings, AppSnapshot, HashKeys, Proof, Revision, RuleTable, SecretText,
    StaticDirectory, TenantState, Verifier,
};

pub(crate) use backend::{Answer, Backend};
pub(crate) use client::{Client, check_frame};

/// The credentials of the worked examples in Pusher's documentation, and an app id of digits.
pub(crate) const APP_ID: &str = "3";
pub(crate) const KEY: &str = "278d425bdf160c739803";
pub(crate) const SECRET: &str = "7ad3773142a6692b25b8";

/// A second pair of the same app.
pub(crate) const SECOND_KEY: &str = "second-key";
pub(crate) const SECOND_SECRET: &str = "second-secret";

/// Another app's.
pub(crate) const OTHER_APP_ID: &str = "4";
pub(crate) const OTHER_KEY: &str = "other-key";
pub(crate) const OTHER_SECRET: &str = "other-secret";

/// 2026-11-25, noon.
pub(crate) const NOW: u64 = 1_795_953_600;

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    directory: Arc<StaticDirectory>,
    verifier: Verifier,
    random: SeededRandom,
    protocol: PusherProtocol,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seats: Vec<Seat>,
    published: Vec<(Channel, Message)>,
    next_id: Option<ConnectionId>,
}

/// A connection, as the engine sees it.
struct Seat {
    dialect: Box<dyn Dialect>,
    standing: Option<(ConnectionId, Caller)>,
    /// Channels, and whether a signature holds each.
    subscriptions: Vec<(Channel, bool)>,
    client_events: u32,
    frames: Vec<String>,
    closed: Option<CloseFrame>,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(NOW)));
        let directory = Arc::new(StaticDirectory::new(vec![app(), other_app()]));
        let verifier = Verifier::new(
            directory.clone(),
            clock.clone(),
            Arc::new(SeededRandom::new(9)),
            HashKeys::new(1, [7; 32]),
        );
        Arc::new(Self {
            clock,
            directory,
            verifier,
            random: SeededRandom::new(1),
            protocol: PusherProtocol::new(),
            state: Mutex::default(),
        })
    }

    /// Changes the snapshot of the first app.
    pub(crate) fn change(&self, change: impl FnOnce(&mut AppSnapshot)) {
        let mut changed = app();
        change(&mut changed);
        self.directory.replace(changed);
    }

    /// Whether the judge of proofs accepts it for the first app.
    pub(crate) fn accepts(&self, proof: &Proof) -> bool {
        self.verifier.verify_signature(&app(), proof).is_ok()
    }

    /// Opens a socket at `/app/{path}?{query}` and lets it come to its greeting or its end.
    pub(crate) async fn open(self: &Arc<Self>, path: &str, query: &str) -> Client {
        let open = Open {
            path: path.to_owned(),
            query: query.to_owned(),
            ..Open::bare(Transport::WebSocket, std::net::Ipv4Addr::LOCALHOST.into())
        };
        let mut commands = Vec::new();
        let dialect = self.protocol.open(&open, &mut commands);
        let seat = {
            let mut state = self.state();
            state.seats.push(Seat {
                dialect,
                standing: None,
                subscriptions: Vec::new(),
                client_events: 0,
                frames: Vec::new(),
                closed: None,
            });
            state.seats.len() - 1
        };
        self.act(seat, commands).await;
        Client::new(Arc::clone(self), seat)
    }

    /// A client of the first app that has read its greeting.
    pub(crate) async fn connect(self: &Arc<Self>) -> Client {
        self.connect_with(KEY).await
    }

    /// The same with this key.
    pub(crate) async fn connect_with(self: &Arc<Self>, key: &str) -> Client {
        let mut client = self
            .open(key, "protocol=7&client=js&version=8.6.0&flash=false")
            .await;
        let greeting = client.take();
        assert_eq!(greeting.len(), 1, "{greeting:?}");
        client
    }

    /// The same with this socket id.
    pub(crate) async fn connect_as(self: &Arc<Self>, socket_id: &str) -> Client {
        self.next_id(socket_id);
        self.connect().await
    }

    /// The next connection gets this id.
    pub(crate) fn next_id(&self, socket_id: &str) {
        self.state().next_id = Some(ConnectionId::parse(socket_id).unwrap());
    }

    /// What was published since this was last asked, with its channel.
    pub(crate) fn published(&self) -> Vec<(Channel, Message)> {
        std::mem::take(&mut self.state().published)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn act(&self, seat: usize, commands: Vec<Command>) {
        for command in commands {
            if self.state().seats[seat].closed.is_some() {
                return;
            }
            match command {
                Command::Authenticate {
                    app, proof, tag, ..
                } => {
                    self.authenticate(seat, app, proof, tag).await;
                }
                Command::Subscribe(subscribe) => self.subscribe(seat, subscribe),
                Command::Unsubscribe { channel, tag } => {
                    self.state().seats[seat]
                        .subscriptions
                        .retain(|(own, _)| *own != channel);
                    let reason = UnsubscribeReason::Requested;
                    self.tell(
                        seat,
                        Event::Unsubscribed {
                            channel,
                            reason,
                            tag,
                        },
                    );
                }
                Command::Publish(publish) => self.publish_on(seat, publish),
                Command::Reply(frame) | Command::Fault(frame) => {
                    self.state().seats[seat].put(frame);
                }
                Command::Close { frames, close } => {
                    let seat = &mut self.state().seats[seat];
                    frames.into_iter().for_each(|frame| seat.put(frame));
                    seat.closed = Some(close);
                }
                other => panic!("the guest asked for {other:?}"),
            }
        }
    }

    async fn authenticate(&self, seat: usize, app: AppRef, proof: Proof, tag: Tag) {
        match self.verifier.authenticate(&app, &proof).await {
            Err(error) => {
                let refusal = Refusal::from(error);
                self.end(seat, refusal.close_reason(), Some(refusal.detail));
            }
            Ok(verified) => {
                let mut state = self.state();
                let made = ConnectionId::generate(&self.random);
                let connection = state.next_id.take().unwrap_or(made);
                let caller = Caller {
                    app: verified.app,
                    authority: verified.authority,
                };
                let limits = Arc::new(caller.app.settings.limits.clone());
                state.seats[seat].standing = Some((connection, caller));
                drop(state);
                self.tell(
                    seat,
                    Event::Opened {
                        connection,
                        connection_key: "key".into(),
                        kept: false,
                        subject: None,
                        limits,
                        expires_at: None,
                        tag,
                    },
                );
            }
        }
    }

    fn subscribe(&self, seat: usize, subscribe: Subscribe) {
        let Subscribe {
            channel,
            modes,
            proof,
            tag,
            ..
        } = subscribe;
        let (_, caller) = self.standing(seat);
        let verified = proof.as_ref().map_or(Ok(()), |proof| {
            self.verifier
                .verify_signature(&caller.app, proof)
                .map_err(Refusal::from)
        });
        let signed = proof.is_some();
        let decided = verified.and_then(|()| {
            decide(
                &caller.app,
                &caller.authority,
                Action::Subscribe,
                &channel,
                signed,
            )
            .map_err(Refusal::from)
        });
        if let Err(refusal) = decided {
            return self.tell(
                seat,
                Event::Refused {
                    refusal,
                    channel: Some(channel),
                    tag,
                },
            );
        }
        let mut state = self.state();
        let subscriptions = &mut state.seats[seat].subscriptions;
        let again = subscriptions.iter().any(|(own, _)| *own == channel);
        if !again {
            subscriptions.push((channel.clone(), signed));
        }
        drop(state);
        let continuity = if again {
            Continuity::Kept
        } else {
            Continuity::Fresh
        };
        let subscribed = SubscribedEvent {
            channel,
            modes,
            continuity,
            from: None,
            head: None,
            open_by_preset: false,
            tag,
        };
        self.tell(seat, Event::Subscribed(subscribed));
    }

    fn publish_on(&self, seat: usize, publish: PublishCommand) {
        let (connection, caller) = self.standing(seat);
        let PublishCommand {
            channel,
            items,
            echo,
            subscribed_only,
            tag,
            ..
        } = publish;
        let subscription = {
            let mut state = self.state();
            state.seats[seat].client_events += 1;
            state.seats[seat]
                .subscriptions
                .iter()
                .find(|(own, _)| *own == channel)
                .cloned()
        };
        let settings = &caller.app.settings;
        let refusal = if subscribed_only && subscription.is_none() {
            Some(Refusal::new(ErrorCode::NotSubscribed, "not subscribed"))
        } else if subscribed_only && !settings.client_events {
            Some(Refusal::new(
                ErrorCode::Forbidden,
                "client events are switched off for this app",
            ))
        } else if self.state().seats[seat].client_events > settings.limits.client_events_per_second
        {
            Some(Refusal::new(
                ErrorCode::RateLimited,
                "at most 10 client events a second",
            ))
        } else {
            let signed = subscription.is_some_and(|(_, signed)| signed);
            let action = Action::PublishEphemeral;
            let allowed = decide(&caller.app, &caller.authority, action, &channel, signed);
            allowed
                .map_err(Refusal::from)
                .and_then(|()| check(&items))
                .err()
        };
        if let Some(refusal) = refusal {
            return self.tell(
                seat,
                Event::Refused {
                    refusal,
                    channel: Some(channel),
                    tag,
                },
            );
        }
        let exclude = (echo == Some(false)).then_some(connection);
        let origin = Origin {
            connection: Some(connection),
            exclude,
            client_id: None,
        };
        items
            .into_iter()
            .for_each(|item| self.publish(&caller.app.id, &channel, item, &origin));
        self.tell(
            seat,
            Event::Published {
                channel,
                results: Vec::new(),
                tag,
            },
        );
    }

    /// Carries a message to every subscriber of the app but the excluded one.
    pub(crate) fn publish(&self, app: &AppId, channel: &Channel, item: Item, origin: &Origin) {
        let id = MessageId::generate(&self.random);
        let draft = Draft {
            name: item.name,
            key: item.key,
            origin: origin.clone(),
            headers: item.headers,
            ephemeral: item.ephemeral,
            removed: item.removed,
            attributes: item.attributes,
            ..Draft::new(id, item.payload)
        };
        let now = fanline_model::Clock::now(&*self.clock);
        let message = Message {
            draft,
            timestamp: now,
            position: None,
            fork: None,
        };
        let mut state = self.state();
        for seat in &mut state.seats {
            let Some((connection, caller)) = &seat.standing else {
                continue;
            };
            let listens = caller.app.id == *app
                && seat.closed.is_none()
                && origin.exclude != Some(*connection)
                && seat.subscriptions.iter().any(|(own, _)| own == channel);
            if listens {
                let format: Format = seat.dialect.format();
                seat.put(self.protocol.encode(format, channel, &message).unwrap());
            }
        }
        state.published.push((channel.clone(), message));
    }

    fn standing(&self, seat: usize) -> (ConnectionId, Caller) {
        self.state().seats[seat].standing.clone().unwrap()
    }

    fn tell(&self, seat: usize, event: Event) {
        let mut frames = Vec::new();
        let ending = {
            let seat = &mut self.state().seats[seat];
            let ending = seat.dialect.ends_on(&event);
            seat.dialect.encode(event, &mut frames);
            frames.into_iter().for_each(|frame| seat.put(frame));
            ending
        };
        if let Some(reason) = ending {
            self.end(seat, reason, None);
        }
    }

    fn end(&self, seat: usize, reason: fanline_model::CloseReason, detail: Option<String>) {
        self.tell(
            seat,
            Event::Ending {
                reason,
                detail,
                retry_after: None,
            },
        );
        let seat = &mut self.state().seats[seat];
        seat.closed = Some(seat.dialect.close(reason));
    }
}

impl Seat {
    fn put(&mut self, frame: Frame) {
        let Frame::Text(text) = frame else {
            panic!("a binary frame left: {frame:?}")
        };
        let text = String::from_utf8(text.to_vec()).unwrap();
        check_frame(&text);
        self.frames.push(text);
    }
}

/// What the engine checks at its door, for every protocol.
fn check(items: &[Item]) -> Result<(), Refusal> {
    for item in items {
        if let Some(name) = &item.name {
            validate_event_name(name)
                .map_err(|problem| Refusal::new(ErrorCode::InvalidName, problem.to_string()))?;
        }
    }
    Ok(())
}

pub(crate) fn app() -> AppSnapshot {
    snapshot(
        "app_first",
        APP_ID,
        &[(KEY, SECRET), (SECOND_KEY, SECOND_SECRET)],
    )
}

fn other_app() -> AppSnapshot {
    snapshot("app_other", OTHER_APP_ID, &[(OTHER_KEY, OTHER_SECRET)])
}

fn snapshot(id: &str, pusher_id: &str, keys: &[(&str, &str)]) -> AppSnapshot {
    let key = |(key, secret): &(&str, &str)| {
        let key = AppKey::new(*key).with_pusher_secret(SecretText::new(*secret));
        (key.key.clone(), key)
    };
    AppSnapshot {
        id: AppId::parse(id).unwrap(),
        pusher_app_id: Some(pusher_id.to_owned()),
        revision: Revision::default(),
        tenant: TenantState {
            id: TenantId::parse("ten").unwrap(),
            suspended: false,
        },
        settings: AppSettings {
            name: id.to_owned(),
            enabled: true,
            allowed_origins: Vec::new(),
            client_events: true,
            limits: Limits::default(),
        },
        rules: RuleTable::born(true),
        app_keys: keys.iter().map(key).collect(),
        api_keys: Default::default(),
        signing_keys: Default::default(),
    }
}

/// HMAC-SHA-256 in lower-case hex.
pub(crate) fn hmac(secret: &str, text: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let code = aws_lc_rs::hmac::sign(&key, text.as_bytes());
    code.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What a customer's auth endpoint answers for a private channel.
pub(crate) fn auth(socket_id: &str, channel: &str) -> String {
    format!("{KEY}:{}", hmac(SECRET, &format!("{socket_id}:{channel}")))
}

/// A file under `fixtures/`.
pub(crate) fn fixture(path: &str) -> String {
    let path = format!("{}/../../fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
