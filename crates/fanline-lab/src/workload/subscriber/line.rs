//! A subscriber's lines, one after the other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_websockets::{ClientBuilder, Message, WebSocketStream};

use super::super::frame::Frame;
use super::super::reins::{Conduct, Orders};
use super::held::{Held, Subscription};
use super::{Holdings, Subscriber};
use crate::log::{Event, Topic};
use crate::stage::Node;

type Socket = WebSocketStream<TcpStream>;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Beyond `heartbeat_ms`, as the protocol asks of clients.
const SILENCE_BEYOND_HEARTBEAT: Duration = Duration::from_secs(10);
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(25);
/// A restless subscriber cuts its line after some such time.
const RESTLESS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(6));
/// How often refused subscriptions are asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(300);
/// As many as a first frame has room for.
const FIRST: usize = 100;

/// Why a connection ended.
enum End {
    Stopped,
    Cut,
    Closed(u16, String),
}

/// What outlives its connections.
pub(super) struct Life<'a> {
    who: &'a Subscriber,
    held: Holdings,
    /// The server that it could not reach: it tries another one next.
    unreachable: Option<Arc<Node>>,
}

// === impl Life ===

impl<'a> Life<'a> {
    pub(super) fn of(who: &'a Subscriber, held: Holdings) -> Self {
        Self {
            who,
            held,
            unreachable: None,
        }
    }

    /// One connection from its opening to its end.
    pub(super) async fn connection(&mut self, orders: &mut Orders) {
        let end = &self.who.place.end;
        tokio::select! {
            () = end.cancelled() => return,
            () = orders.no_longer(Conduct::Away) => {}
        }
        let shunned = self.unreachable.take();
        let Some(node) = self.who.place.choose(&self.who.dice, shunned) else {
            return;
        };
        let opening = tokio::time::timeout(CONNECT_WITHIN, self.open(&node));
        let opened = tokio::select! {
            () = end.cancelled() => return,
            opened = opening => opened.context("no connection in time").flatten(),
        };
        self.unreachable = opened.is_err().then(|| node.clone());
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
        orders.cuts.mark_unchanged();
        let ending = self.listen(&mut socket, heartbeat, orders).await;
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

    /// Connects and subscribes with what it holds.
    async fn open(&mut self, node: &Node) -> Result<(Socket, Duration)> {
        let url = node.url();
        let address = url.strip_prefix("http://").context("a server's address")?;
        // Thousands at once must not wait for threads that resolve names.
        let stream = TcpStream::connect(address.parse::<SocketAddr>()?).await?;
        stream.set_nodelay(true)?;
        let url = format!("ws://{address}/v1/connect");
        let (mut socket, _) = ClientBuilder::new()
            .uri(&url)?
            .add_header(
                HeaderName::from_static("sec-websocket-protocol"),
                HeaderValue::from_static("fanline.v1"),
            )?
            .connect_on(stream)
            .await?;
        let token = self.show_pass();
        let connect = self.greeting(token);
        socket.send(Message::text(connect.to_string())).await?;
        let answer = socket.next().await.context("closed at once")??;
        let text = answer.as_text().context("no text")?;
        let frame = Frame::read(text).context("no frame")?;
        anyhow::ensure!(frame.kind == "connected", "{text}");
        self.who.record(Event::Connected {
            node: node.name().to_owned(),
            connection: frame.connection_id.unwrap_or_default(),
        });
        if let (Some(key), Some(new)) = (&self.who.key, frame.connection_key) {
            *key.lock() = Some(new);
        }
        self.who
            .asks(self.held.iter_mut().filter(is_wanted).take(FIRST));
        let heartbeat = frame.heartbeat_ms.map(Duration::from_millis);
        Ok((socket, heartbeat.unwrap_or(DEFAULT_HEARTBEAT)))
    }

    /// The token, if one is needed. Where it covers a channel no longer, that is asked for once more all the same.
    fn show_pass(&mut self) -> Option<String> {
        let (token, barred) = self.who.place.pass.show();
        for (channel, held) in &mut self.held {
            if barred.contains(channel) && !held.is_barred {
                held.is_barred = true;
                self.who.record(Event::RightLost {
                    topic: self.who.topic(channel),
                });
            }
        }
        token
    }

    fn greeting(&self, token: Option<String>) -> Value {
        let wanted = self.held.iter().filter(|(_, held)| held.is_wanted());
        let subscribe: Vec<Value> = wanted
            .take(FIRST)
            .map(|(channel, held)| held.entry(channel))
            .collect();
        let mut connect = json!({
            "type": "connect", "id": "c", "app": self.who.place.tenant.app_key, "subscribe": subscribe,
        });
        if let Some(token) = token {
            connect["token"] = token.into();
        }
        if let Some(key) = self.who.key.as_ref().and_then(|key| key.lock().clone()) {
            connect["connection_key"] = key.into();
        }
        connect
    }

    async fn listen(
        &mut self,
        socket: &mut Socket,
        heartbeat: Duration,
        orders: &mut Orders,
    ) -> End {
        let silence = heartbeat + SILENCE_BEYOND_HEARTBEAT;
        let own_cut = Instant::now() + self.who.dice.between(RESTLESS.0, RESTLESS.1);
        let mut heard = Instant::now();
        let mut ask_again = tokio::time::interval(ASK_AGAIN);
        loop {
            if !self.held.values().any(Held::is_asked) {
                orders.no_longer(Conduct::Deaf).await;
            }
            let next = tokio::select! {
                () = self.who.place.end.cancelled() => return End::Stopped,
                changed = orders.cuts.changed() => match changed {
                    Ok(()) => return End::Cut,
                    Err(_) => return End::Stopped,
                },
                Ok(()) = orders.conduct.changed() => continue,
                () = self.who.restless(own_cut) => return End::Cut,
                () = tokio::time::sleep_until(heard + silence) => {
                    return End::Closed(1006, format!("silence for {silence:?}"));
                }
                Some(topic) = orders.wants.recv() => {
                    self.want(topic);
                    ask_again.reset_immediately();
                    continue;
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

    fn want(&mut self, topic: Topic) {
        let who = self.who;
        who.place.board.wants(&who.name, &topic);
        self.held.entry(topic.channel).or_default();
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
        let Some(event) = held.hear(&topic, &frame) else {
            return false;
        };
        let board = &self.who.place.board;
        if held.is_wanted() {
            board.stands(&self.who.name, &topic, held.standing());
        } else {
            board.gives_up(&self.who.name, &topic);
        }
        match event {
            Ok(event) => self.who.record(event),
            Err(()) => self.unreadable(text),
        }
        false
    }

    /// Asks again for what was refused or ended, and for what is new.
    async fn subscribe_refused(&mut self, socket: &mut Socket) -> Result<()> {
        let open = |held: &Held| held.subscription == Subscription::None;
        for (channel, held) in &self.held {
            if open(held) {
                let mut entry = held.entry(channel);
                entry["type"] = "subscribe".into();
                socket.send(Message::text(entry.to_string())).await?;
            }
        }
        self.who
            .asks(self.held.iter_mut().filter(|(_, held)| open(held)));
        Ok(())
    }

    fn forget_subscriptions(&mut self) {
        self.who.place.board.is_away(&self.who.name);
        for held in self.held.values_mut().filter(|held| held.is_wanted()) {
            held.subscription = Subscription::None;
        }
    }

    fn unreadable(&self, text: &str) {
        self.who.record(Event::Unreadable {
            text: text.to_owned(),
        });
    }
}

fn is_wanted((_, held): &(&String, &mut Held)) -> bool {
    held.is_wanted()
}
