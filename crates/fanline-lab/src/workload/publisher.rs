//! A backend that publishes over HTTP, and pursues every message until it knows what became of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Board;
use super::payload::compose;
use crate::dice::Dice;
use crate::http::{self, Http};
use crate::log::{Answer, At, Event, Published, Recorder, Topic};
use crate::stage::{Node, Tenant};

/// How many messages one publisher pursues at a time; those that are stuck must not stop those of other channels.
const AT_A_TIME: usize = 512;
/// After so many attempts it gives up; their sum is shorter than the window in which an id is known.
const ATTEMPTS: u32 = 12;
/// How often something that is acknowledged is sent again, to be told the same position.
const REPEATS: f64 = 0.05;
const LARGEST_PAD: usize = 400;
/// How many messages of a burst are under way at a time.
const BURST_AT_A_TIME: usize = 8;

/// One publisher.
#[derive(Debug)]
pub(super) struct Publisher {
    pub(super) name: String,
    pub(super) recorder: Recorder,
    pub(super) dice: Dice,
    pub(super) tenant: Arc<Tenant>,
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) board: Arc<Board>,
    pub(super) http: Http,
    /// How many messages it has named.
    pub(super) named: AtomicU64,
}

/// Who names a message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Naming {
    /// The publisher, by `id`.
    Own(String),
    /// The publisher, by `Idempotency-Key`.
    Key(String),
    /// The server.
    Server,
    /// The server did, and told.
    Given(String),
}

/// A message on its way.
#[derive(Clone, Debug)]
struct Pursuit {
    topic: Topic,
    data: String,
    message: Published,
    naming: Naming,
}

// === impl Publisher ===

impl Publisher {
    /// Publishes until it is stopped, with such a pause between two messages.
    pub(super) async fn run(self, pause: Duration, stop: CancellationToken, pursuits: TaskTracker) {
        let this = Arc::new(self);
        let room = Arc::new(Semaphore::new(AT_A_TIME));
        let mut ticks = tokio::time::interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let turn = async {
                ticks.tick().await;
                room.clone().acquire_owned().await.ok()
            };
            let permit = tokio::select! {
                () = stop.cancelled() => return,
                permit = turn => permit,
            };
            let Some(topic) = this.dice.pick(&this.tenant.ordinary) else {
                return;
            };
            let pursuit = this.compose(topic, this.dice.below(LARGEST_PAD));
            let this = this.clone();
            pursuits.spawn(async move {
                this.pursue(pursuit).await;
                drop(permit);
            });
        }
    }

    /// Publishes so many messages of this size to one channel, several at a time, and returns when each has its answer.
    pub(super) async fn burst(&self, topic: &Topic, count: usize, pad: usize) {
        let pursuits = (0..count).map(|_| self.pursue(self.compose(topic, pad)));
        let all = stream::iter(pursuits).buffer_unordered(BURST_AT_A_TIME);
        all.collect::<()>().await;
    }

    fn compose(&self, topic: &Topic, pad: usize) -> Pursuit {
        let number = self.named.fetch_add(1, Ordering::Relaxed) + 1;
        let mark = format!("{}-{number:06}", self.name);
        let (data, message) = compose(topic, &mark, pad);
        let naming = match self.dice.below(4) {
            0 => Naming::Server,
            1 => Naming::Key(mark),
            _ => Naming::Own(mark),
        };
        Pursuit {
            topic: topic.clone(),
            data,
            message,
            naming,
        }
    }

    async fn pursue(&self, mut pursuit: Pursuit) {
        let mut attempt = 1;
        loop {
            let answer = self.attempt(&pursuit, attempt).await;
            let is_done = match &answer {
                Answer::Acked { id, position, .. } => {
                    self.board.saw_epoch(&pursuit.topic, &position.epoch);
                    let repeat = attempt == 1 && self.dice.chance(REPEATS);
                    if pursuit.naming == Naming::Server {
                        pursuit.naming = Naming::Given(id.clone());
                    }
                    !repeat
                }
                Answer::Refused { code } => !is_worth_repeating(code),
                Answer::Unknown { ids, .. } => match (&pursuit.naming, ids.first()) {
                    (Naming::Server, Some(id)) => {
                        pursuit.naming = Naming::Given(id.clone());
                        false
                    }
                    // Sent again it would be another message.
                    (Naming::Server, None) => true,
                    _ => false,
                },
            };
            if is_done || attempt == ATTEMPTS {
                return;
            }
            attempt += 1;
            let most = Duration::from_millis(200) * attempt;
            tokio::time::sleep(self.dice.between(Duration::from_millis(50), most)).await;
        }
    }

    /// One request to any server, written down before and after.
    async fn attempt(&self, pursuit: &Pursuit, attempt: u32) -> Answer {
        let Some(node) = self.dice.pick(&self.nodes) else {
            return unknown("there is no server");
        };
        let topic = pursuit.topic.clone();
        let id = pursuit.naming.id();
        self.recorder.record(Event::PublishAttempt {
            topic: topic.clone(),
            message: Published {
                id: id.clone(),
                ..pursuit.message.clone()
            },
            node: node.name().to_owned(),
            attempt,
        });
        let url = format!("{}/v1/channels/{}/messages", node.url(), topic.channel);
        let mut headers = Vec::new();
        if let Naming::Key(key) = &pursuit.naming {
            headers.push(("idempotency-key", key.as_str()));
        }
        if attempt > 1 {
            headers.push(("x-fanline-retry", "true"));
        }
        let body = pursuit.body();
        let key = &self.tenant.api_key;
        let answer = self.http.send_text("POST", &url, key, &headers, Some(body));
        let answer = match answer.await {
            Ok(answer) => read(&answer),
            Err(error) => unknown(format!("{error:#}")),
        };
        self.recorder.record(Event::PublishAnswer {
            topic,
            mark: pursuit.message.mark.clone(),
            answer: answer.clone(),
        });
        answer
    }
}

// === impl Naming ===

impl Naming {
    /// The id that the message will have, where that is known before.
    fn id(&self) -> Option<String> {
        match self {
            Self::Own(id) | Self::Given(id) => Some(id.clone()),
            // Message `n` of a channel gets the id `KEY:n`.
            Self::Key(key) => Some(format!("{key}:0")),
            Self::Server => None,
        }
    }
}

// === impl Pursuit ===

impl Pursuit {
    /// The payload stands in it byte for byte.
    fn body(&self) -> String {
        let data = &self.data;
        match &self.naming {
            Naming::Own(id) | Naming::Given(id) => {
                format!(r#"{{"id":{},"data":{data}}}"#, Value::from(id.as_str()))
            }
            Naming::Key(_) | Naming::Server => format!(r#"{{"data":{data}}}"#),
        }
    }
}

/// Refused now, and perhaps not later.
fn is_worth_repeating(code: &str) -> bool {
    !code.starts_with('4') && code != "idempotency_mismatch"
}

fn unknown(why: impl Into<String>) -> Answer {
    Answer::Unknown {
        ids: Vec::new(),
        why: why.into(),
    }
}

/// What a server answered.
fn read(answer: &http::Answer) -> Answer {
    let json = answer.json();
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    if answer.status.is_success() {
        let (id, epoch, seq) = (text("id"), text("epoch"), json["seq"].as_u64());
        return match (id, epoch, seq) {
            (Some(id), Some(epoch), Some(seq)) => Answer::Acked {
                id,
                position: At { epoch, seq },
                duplicate: json["status"] == "duplicate",
            },
            _ => unknown(format!(
                "{} without a position: {}",
                answer.status, answer.text
            )),
        };
    }
    let code = text("code").unwrap_or_else(|| answer.status.as_u16().to_string());
    if code == "outcome_unknown" {
        let ids = json["message_ids"].as_array().into_iter().flatten();
        return Answer::Unknown {
            ids: ids.filter_map(Value::as_str).map(str::to_owned).collect(),
            why: code,
        };
    }
    match json["retryable"].as_bool() {
        Some(false) => Answer::Refused {
            code: format!("{} {code}", answer.status.as_u16()),
        },
        _ => Answer::Refused { code },
    }
}
