//! A stand-in for everything behind the waist: one app, logs in a map, the simplest rules.
//!
//! It answers `Realtime` and, through `session`, what a connection asks. It is honest about order and
//! positions and knows nothing of fan-out, rates or time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::{Condition, Outcome, UnchangedReason};
use fanline_model::{
    AppId, Channel, Draft, Epoch, ErrorCode, Limits, Message, MessageId, Origin, Position,
    SeededRandom, TenantId, Timestamp, UserId,
};
use fanline_protocol::{
    Caller, ChannelInfo, ChannelQuery, Continuity, HistoryPage, HistoryQuery, Item, LostReason,
    PublishBatch, PublishCall, PublishResult, Published, Realtime, Refusal,
};
use fanline_tenancy::{
    ApiKeyText, AppRef, AppSettings, AppSnapshot, Authority, Capabilities, Proof, Revision, Rights,
    RuleTable, Scopes, TenantState,
};

pub(crate) const APP_KEY: &str = "shop";
pub(crate) const TOKEN: &str = "token-of-u1";
pub(crate) const OTHER_TOKEN: &str = "another-token-of-u1";
pub(crate) const EXPIRED_TOKEN: &str = "expired-token";
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_795_600_000_000);

/// The app and its channels.
pub(crate) struct World {
    pub(crate) app: Arc<AppSnapshot>,
    logs: Mutex<HashMap<Channel, Log>>,
    /// What the next publish is refused with.
    pub(crate) refuse: Mutex<Option<Refusal>>,
}

struct Log {
    epoch: Epoch,
    messages: Vec<Arc<Message>>,
}

/// What somebody publishes.
pub(crate) struct Act<'a> {
    pub(crate) items: Vec<Item>,
    pub(crate) ids: Option<&'a str>,
    pub(crate) origin: Origin,
    pub(crate) condition: Option<Condition>,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        Self::with_limits(Limits::default())
    }

    pub(crate) fn with_limits(limits: Limits) -> Arc<Self> {
        let random = SeededRandom::new(1);
        let app = AppSnapshot {
            id: AppId::generate(&random),
            pusher_app_id: None,
            revision: Revision::default(),
            tenant: TenantState {
                id: TenantId::generate(&random),
                suspended: false,
            },
            settings: AppSettings {
                name: "shop".into(),
                enabled: true,
                allowed_origins: Vec::new(),
                client_events: true,
                limits,
            },
            rules: RuleTable::born(true),
            app_keys: HashMap::new(),
            api_keys: HashMap::new(),
            signing_keys: HashMap::new(),
        };
        Arc::new(Self {
            app: Arc::new(app),
            logs: Mutex::default(),
            refuse: Mutex::default(),
        })
    }

    pub(crate) fn api_key() -> String {
        ApiKeyText::generate(&SeededRandom::new(2))
            .expose()
            .expose()
            .to_owned()
    }

    /// Who is asking.
    pub(crate) fn caller(&self, app: &AppRef, proof: &Proof) -> Result<Caller, Refusal> {
        let known = matches!(app, AppRef::ApiKey(_)) || *app == AppRef::Key(APP_KEY.into());
        if !known {
            return Err(Refusal::new(ErrorCode::NotFound, "no app has this key"));
        }
        let (rights, subject) = match proof {
            Proof::None => (Rights::Anonymous, None),
            Proof::ApiKey(key) if **key == *Self::api_key() => {
                (Rights::ApiKey(Scopes::all()), None)
            }
            Proof::Token(token) if [TOKEN, OTHER_TOKEN].contains(&&**token) => {
                let all = ["subscribe", "publish", "history"]
                    .map(str::to_owned)
                    .to_vec();
                let capabilities = Capabilities::parse(&[("*".to_owned(), all)].into()).unwrap();
                (Rights::Token(capabilities), UserId::parse("u1").ok())
            }
            Proof::Token(token) if **token == *EXPIRED_TOKEN => {
                return Err(Refusal::new(
                    ErrorCode::TokenExpired,
                    "the token has expired",
                ));
            }
            _ => {
                return Err(Refusal::new(
                    ErrorCode::Unauthorized,
                    "the credential does not verify",
                ));
            }
        };
        let expires_at = subject.as_ref().map(|_| NOW.plus(Duration::from_secs(600)));
        let authority = Authority {
            app: self.app.id.clone(),
            subject,
            rights,
            expires_at,
            channels: Vec::new(),
            credentials: Vec::new(),
        };
        Ok(Caller {
            app: self.app.clone(),
            authority,
        })
    }

    /// Publishes, and answers the messages that are new beside the results.
    pub(crate) fn act(
        &self,
        channel: &Channel,
        act: Act<'_>,
    ) -> Result<(Vec<Published>, Vec<Arc<Message>>), Refusal> {
        if let Some(refusal) = self.refuse.lock().unwrap().take() {
            return Err(refusal);
        }
        let mut logs = self.logs.lock().unwrap();
        let number = logs.len() as u64 + 1;
        let log = logs.entry(channel.clone()).or_insert_with(|| Log {
            epoch: Epoch::from_u64(0xe000 + number),
            messages: Vec::new(),
        });
        let (mut results, mut new) = (Vec::new(), Vec::new());
        for (n, item) in act.items.into_iter().enumerate() {
            let id = match (&item.id, act.ids) {
                (Some(id), _) => id.clone(),
                (None, Some(key)) => MessageId::of_call(key, n).unwrap(),
                (None, None) => {
                    MessageId::parse(&format!("msg_{:022}", log.messages.len())).unwrap()
                }
            };
            let (outcome, message) =
                log.publish(id.clone(), item, &act.origin, act.condition.as_ref())?;
            results.push(Published { id, outcome });
            new.extend(message);
        }
        Ok((results, new))
    }

    /// The verdict on a position, and what follows it.
    pub(crate) fn since(
        &self,
        channel: &Channel,
        since: Option<Position>,
    ) -> (Continuity, Vec<Arc<Message>>, Position) {
        let logs = self.logs.lock().unwrap();
        let Some(log) = logs.get(channel) else {
            let beginning = Position::new(Epoch::from_u64(0xe000), 0);
            let lost = since.is_some();
            return (
                if lost {
                    Continuity::Lost(LostReason::UnknownEpoch)
                } else {
                    Continuity::Fresh
                },
                vec![],
                beginning,
            );
        };
        let head = log.head();
        match since {
            None => (Continuity::Fresh, log.messages.clone(), head),
            Some(since) if since.epoch != log.epoch => {
                (Continuity::Lost(LostReason::UnknownEpoch), vec![], head)
            }
            Some(since) if since.seq > head.seq => {
                (Continuity::Lost(LostReason::Diverged), vec![], head)
            }
            Some(since) => (
                Continuity::Kept,
                log.messages[since.seq as usize..].to_vec(),
                head,
            ),
        }
    }
}

impl Log {
    fn head(&self) -> Position {
        Position::new(self.epoch, self.messages.len() as u64)
    }

    fn publish(
        &mut self,
        id: MessageId,
        item: Item,
        origin: &Origin,
        condition: Option<&Condition>,
    ) -> Result<(Outcome, Option<Arc<Message>>), Refusal> {
        if let Some(earlier) = self.messages.iter().find(|message| message.draft.id == id) {
            if earlier.draft.payload != item.payload {
                return Err(Refusal::new(
                    ErrorCode::IdempotencyMismatch,
                    "published before with another body",
                ));
            }
            return Ok((
                Outcome::Duplicate {
                    position: earlier.position,
                },
                None,
            ));
        }
        if let Some(Condition::IfPosition(position)) = condition
            && *position != self.head()
        {
            let reason = UnchangedReason::Position;
            return Ok((
                Outcome::Unchanged {
                    reason,
                    head: Some(self.head()),
                },
                None,
            ));
        }
        let mut draft = Draft::new(id, item.payload);
        draft.name = item.name;
        draft.key = item.key;
        draft.origin = Origin {
            client_id: item.client_id.or(origin.client_id.clone()),
            ..origin.clone()
        };
        draft.headers = item.headers;
        draft.ephemeral = item.ephemeral;
        draft.removed = item.removed;
        let position =
            (!draft.ephemeral).then(|| Position::new(self.epoch, self.messages.len() as u64 + 1));
        let message = Arc::new(Message {
            draft,
            timestamp: NOW,
            position,
            fork: None,
        });
        if position.is_some() {
            self.messages.push(message.clone());
        }
        Ok((Outcome::Appended { position }, Some(message)))
    }
}

#[async_trait]
impl Realtime for World {
    fn now(&self) -> Timestamp {
        NOW
    }

    async fn authenticate(&self, app: &AppRef, proof: &Proof) -> Result<Caller, Refusal> {
        self.caller(app, proof)
    }

    async fn publish(
        &self,
        _: &Caller,
        batch: PublishBatch,
    ) -> Result<Vec<PublishResult>, Refusal> {
        let key = batch.idempotency_key.as_deref();
        let publish = |PublishCall {
                           channel,
                           items,
                           condition,
                           ..
                       }| {
            if channel == Channel::parse("forbidden").unwrap() {
                return Err(Refusal::new(ErrorCode::Forbidden, "not here"));
            }
            self.act(
                &channel,
                Act {
                    items,
                    ids: key,
                    origin: Origin::default(),
                    condition,
                },
            )
            .map(|(results, _)| results)
        };
        Ok(batch.calls.into_iter().map(publish).collect())
    }

    async fn history(&self, _: &Caller, query: HistoryQuery) -> Result<HistoryPage, Refusal> {
        let (continuity, mut messages, head) = self.since(&query.channel, query.since);
        let from = Some(query.since.unwrap_or(Position::new(head.epoch, 0)));
        let more = messages.len() > query.limit;
        messages.truncate(query.limit);
        Ok(HistoryPage {
            continuity,
            from,
            head: Some(head),
            messages,
            more,
        })
    }

    async fn channel(&self, _: &Caller, channel: &Channel) -> Result<ChannelInfo, Refusal> {
        let head = self.logs.lock().unwrap().get(channel).map(Log::head);
        Ok(ChannelInfo {
            channel: channel.clone(),
            connections: 0,
            members: 0,
            head,
        })
    }

    async fn channels(
        &self,
        _: &Caller,
        query: ChannelQuery,
    ) -> Result<(Vec<ChannelInfo>, bool), Refusal> {
        let logs = self.logs.lock().unwrap();
        let mut names: Vec<_> = logs
            .keys()
            .filter(|channel| channel.to_string().starts_with(&query.prefix))
            .collect();
        names.sort();
        let info = |channel: &&Channel| ChannelInfo {
            channel: (*channel).clone(),
            connections: 1,
            members: 0,
            head: logs.get(channel).map(Log::head),
        };
        Ok((
            names.iter().take(query.limit).map(info).collect(),
            names.len() > query.limit,
        ))
    }

    async fn mint(
        &self,
        _: &Caller,
        _: Option<UserId>,
        _: Capabilities,
        _: Vec<Channel>,
        lifetime: Duration,
    ) -> Result<(String, Timestamp), Refusal> {
        Ok((TOKEN.to_owned(), NOW.plus(lifetime)))
    }

    async fn deliver(
        &self,
        _: &Caller,
        _: fanline_model::ConnectionId,
        _: &Channel,
        _: Item,
    ) -> Result<bool, Refusal> {
        Ok(false)
    }
}
