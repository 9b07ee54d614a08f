//! A client that never gives up: it holds a position for each channel, and comes back with it to any server.

mod held;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_websockets::{ClientBuilder, MaybeTlsStream, Message, WebSocketStream};

use super::Board;
use super::frame::Frame;
use crate::dice::Dice;
use crate::log::{Event, Recorder, Topic};
use crate::stage::{Node, Tenant};
use held::{Held, Subscription};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Beyond `heartbeat_ms`, as the protocol asks of clients.
const SILENCE_BEYOND_HEARTBEAT: Duration = Duration::from_secs(10);
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(25);
/// A restless subscriber cuts its line after some such time.
const RESTLESS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(6));
/// How often refused subscriptions are asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// One subscriber.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) name: String,
    pub(super) recorder: Recorder,
    pub(super) dice: Dice,
    /// Whether it cuts its line now and then.
    pub(super) is_restless: bool,
    /// When it is no more.
    pub(super) rest: CancellationToken,
    pub(super) tenant: Arc<Tenant>,
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) board: Arc<Board>,
}

/// Why a connection ended.
enum End {
    Stopped,
    Cut,
    Closed(u16, String),
}

struct Life<'a> {
    who: &'a Subscriber,
    held: BTreeMap<String, Held>,
}

// === impl Subscriber ===

impl Subscriber {
    /// Its channels: one by its number, so that each has somebody, and others by chance.
    pub(super) fn choose_topics(&self, number: usize, count: usize) -> Vec<Topic> {
        let all = &self.tenant.topics;
        let own = all.get(number % all.len().max(1)).cloned();
        let mut topics: Vec<Topic> = own.into_iter().collect();
        for topic in self.dice.pick_some(all, count) {
            if topics.len() < count && !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        topics
    }

    /// Listens until the run ends.
    pub(super) async fn run(
        self,
        topics: Vec<Topic>,
        mut cuts: watch::Receiver<u64>,
        end: CancellationToken,
    ) {
        for topic in &topics {
            self.board.wants(&self.name, topic);
        }
        let channels = topics
            .into_iter()
            .map(|topic| (topic.channel, Held::default()));
        let mut life = Life {
            who: &self,
            held: channels.collect(),
        };
        while !end.is_cancelled() {
            life.connection(&mut cuts, &end).await;
            let pause = self
                .dice
                .between(Duration::from_millis(20), Duration::from_millis(300));
            tokio::select! {
                () = end.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.recorder.record(Event::Stopped);
    }

    fn is_restless(&self) -> bool {
        self.is_restless && !self.rest.is_cancelled()
    }

    fn topic(&self, channel: &str) -> Topic {
        Topic {
            tenant: self.tenant.name.clone(),
            channel: channel.to_owned(),
        }
    }

    /// Writes down what was just asked for.
    fn asks<'a>(&self, channels: impl Iterator<Item = (&'a String, &'a mut Held)>) {
        for (channel, held) in channels {
            held.subscription = Subscription::Asked;
            self.record(Event::Subscribing {
                topic: self.topic(channel),
                since: held.position.clone(),
            });
        }
    }

    fn record(&self, event: Event) {
        self.recorder.record(event);
    }
}

// === impl Life ===

impl Life<'_> {
    /// One connection from its opening to its end.
    async fn connection(&mut self, cuts: &mut watch::Receiver<u64>, end: &CancellationToken) {
        let Some(node) = self.who.dice.pick(&self.who.nodes) else {
            return;
        };
        let opening = tokio::time::timeout(CONNECT_WITHIN, self.open(node));
        let opened = tokio::select! {
            () = end.cancelled() => return,
            opened = opening => opened.context("no connection in time").flatten(),
        };
        let (mut socket, heartbeat) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.forget_subscriptions();
                return self.who.record(Event::ConnectFailed {
                    node: node.name().to_owned(),
                    why: format!("{error:#}"),
                });
            }
        };
        cuts.mark_unchanged();
        let ending = self.listen(&mut socket, heartbeat, cuts, end).await;
        self.forget_subscriptions();
        let (code, reason, by_us) = match ending {
            End::Stopped => return,
            End::Cut => (1006, "cut".to_owned(), true),
            End::Closed(code, reason) => (code, reason, false),
        };
        self.who.record(Event::Disconnected {
            code,
            reason,
            by_us,
        });
    }

    /// Connects and subscribes everything with what it holds.
    async fn open(&mut self, node: &Node) -> Result<(Socket, Duration)> {
        let url = format!("{}/v1/connect", node.url().replacen("http", "ws", 1));
        let (mut socket, _) = ClientBuilder::new()
            .uri(&url)?
            .add_header(
                HeaderName::from_static("sec-websocket-protocol"),
                HeaderValue::from_static("fanline.v1"),
            )?
            .connect()
            .await?;
        let subscribe: Vec<Value> = self
            .held
            .iter()
            .map(|(channel, held)| held.entry(channel))
            .collect();
        let connect = json!({
            "type": "connect", "id": "c", "app": self.who.tenant.app_key, "subscribe": subscribe,
        });
        socket.send(Message::text(connect.to_string())).await?;
        let answer = socket.next().await.context("closed at once")??;
        let text = answer.as_text().context("no text")?;
        let frame = Frame::read(text).context("no frame")?;
        anyhow::ensure!(frame.kind == "connected", "{text}");
        self.who.record(Event::Connected {
            node: node.name().to_owned(),
            connection: frame.connection_id.unwrap_or_default(),
        });
        self.who.asks(self.held.iter_mut());
        let heartbeat = frame.heartbeat_ms.map(Duration::from_millis);
        Ok((socket, heartbeat.unwrap_or(DEFAULT_HEARTBEAT)))
    }

    async fn listen(
        &mut self,
        socket: &mut Socket,
        heartbeat: Duration,
        cuts: &mut watch::Receiver<u64>,
        end: &CancellationToken,
    ) -> End {
        let silence = heartbeat + SILENCE_BEYOND_HEARTBEAT;
        let own_cut = Instant::now() + self.who.dice.between(RESTLESS.0, RESTLESS.1);
        let mut heard = Instant::now();
        let mut ask_again = tokio::time::interval(ASK_AGAIN);
        loop {
            let next = tokio::select! {
                () = end.cancelled() => return End::Stopped,
                changed = cuts.changed() => match changed {
                    Ok(()) => return End::Cut,
                    Err(_) => return End::Stopped,
                },
                () = tokio::time::sleep_until(own_cut), if self.who.is_restless() => return End::Cut,
                () = tokio::time::sleep_until(heard + silence) => {
                    return End::Closed(1006, format!("silence for {silence:?}"));
                }
                _ = ask_again.tick() => {
                    if let Err(error) = self.subscribe_refused(socket).await {
                        return End::Closed(1006, format!("{error:#}"));
                    }
                    continue;
                }
                next = socket.next() => next,
            };
            heard = Instant::now();
            let message = match next {
                None => return End::Closed(1006, "the line broke".to_owned()),
                Some(Err(error)) => return End::Closed(1006, error.to_string()),
                Some(Ok(message)) => message,
            };
            if let Some((code, reason)) = message.as_close() {
                return End::Closed(code.into(), reason.to_owned());
            }
            let Some(text) = message.as_text() else {
                continue;
            };
            if !self.hear(text) {
                continue;
            }
            let pong = Message::text(r#"{"type":"pong"}"#.to_owned());
            if let Err(error) = socket.send(pong).await {
                return End::Closed(1006, error.to_string());
            }
        }
    }

    /// Takes a frame; true if it is a ping, to be answered.
    fn hear(&mut self, text: &str) -> bool {
        let Some(frame) = Frame::read(text) else {
            self.unreadable(text);
            return false;
        };
        if frame.kind == "ping" {
            return true;
        }
        let Some(channel) = frame.channel.clone() else {
            if frame.kind == "error" {
                let text = format!("an error without a channel: {text}");
                self.who.record(Event::Note { text });
            }
            return false;
        };
        let topic = self.who.topic(&channel);
        // A channel that was never asked for is written down as well: it is not this client's to hide.
        let held = self.held.entry(channel).or_default();
        let event = match frame.kind {
            "message" => Some(held.message(topic.clone(), &frame)),
            "subscribed" | "continuity" => frame.verdict().map(|verdict| {
                let is_answer = frame.kind == "subscribed";
                held.verdict(topic.clone(), verdict, is_answer)
            }),
            "skipped" => held.skipped(topic.clone(), &frame),
            "caught_up" => {
                held.subscription = Subscription::CaughtUp;
                Some(Event::CaughtUp {
                    topic: topic.clone(),
                })
            }
            "unsubscribed" | "error" => {
                held.subscription = Subscription::None;
                let reason = frame.reason.clone().unwrap_or_else(|| frame.code());
                Some(Event::Unsubscribed {
                    topic: topic.clone(),
                    reason,
                })
            }
            _ => return false,
        };
        let standing = held.standing();
        match event {
            Some(event) => self.who.record(event),
            None => self.unreadable(text),
        }
        self.who.board.stands(&self.who.name, &topic, standing);
        false
    }

    /// Asks again for what was refused or ended.
    async fn subscribe_refused(&mut self, socket: &mut Socket) -> Result<()> {
        let refused = |held: &Held| held.subscription == Subscription::None;
        for (channel, held) in &self.held {
            if refused(held) {
                let mut entry = held.entry(channel);
                entry["type"] = "subscribe".into();
                socket.send(Message::text(entry.to_string())).await?;
            }
        }
        self.who
            .asks(self.held.iter_mut().filter(|(_, held)| refused(held)));
        Ok(())
    }

    fn forget_subscriptions(&mut self) {
        self.who.board.is_away(&self.who.name);
        for held in self.held.values_mut() {
            held.subscription = Subscription::None;
        }
    }

    fn unreadable(&self, text: &str) {
        self.who.record(Event::Unreadable {
            text: text.to_owned(),
        });
    }
}
