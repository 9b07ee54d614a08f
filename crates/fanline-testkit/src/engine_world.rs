//! One line sets a whole engine up: an app, a memory broker, a directory, a clock, the stub guest.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fanline_broker::memory::{MemoryBroker, MemoryLimits, MemoryPresence};
use fanline_broker::{Broker, ChannelId, Outcome, Publish};
use fanline_engine::{Engine, EngineParts};
use fanline_model::{
    AppId, Channel, Clock, ConnectionId, Draft, KeyId, Limits, MessageId, Payload, Position,
    SeededRandom, TenantId, Timestamp,
};
use fanline_protocol::{Open, Transport};
use fanline_tenancy::{
    Access, AppKey, AppSettings, AppSnapshot, Directory, HashKeys, NamespaceRule, Revision,
    RuleTable, SecretText, SigningAlgorithm, SigningKey, StaticDirectory, TenantState, Verifier,
};
use serde_json::{Value, json};

pub use crate::gate::Gate;
use crate::model_client::{ModelClient, Violation};
use crate::stub_guest::{Ask, Said, StubGuest};
use crate::test_link::{TestLink, Wire};

/// 2026-11-25, noon.
const NOON: u64 = 1_795_953_600_000;
/// The secret of the signing key.
const SECRET: &str = "the-world-has-one-secret-of-43-characters-ok";

/// The app of a world, as a test may change it before or while it runs.
#[derive(Clone, Debug)]
pub struct AppPlan {
    /// Its rules.
    pub rules: Vec<NamespaceRule>,
    /// Its limits.
    pub limits: Limits,
    /// Origins; none admits all.
    pub origins: Vec<String>,
    /// Whether it serves.
    pub enabled: bool,
}

/// An engine and everything around it.
pub struct World {
    /// The engine.
    pub engine: Arc<Engine>,
    /// Its broker.
    pub broker: Arc<MemoryBroker>,
    /// Who is where, as the broker knows it.
    pub presence: Arc<MemoryPresence>,
    /// What stands between the engine and its broker.
    pub gate: Gate,
    /// The guest.
    pub guest: Arc<StubGuest>,
    clock: Arc<RunningClock>,
    directory: Arc<StaticDirectory>,
    revision: AtomicU64,
    messages: AtomicU64,
}

/// One connection and the client at its end.
pub struct Caller {
    /// The client's end of the line.
    pub wire: Wire,
    /// What holds every frame against the contract.
    pub model: ModelClient,
    /// Its connection id, once told.
    pub connection: Option<ConnectionId>,
    /// Its connection key, once told.
    pub key: Option<String>,
    /// What was read and not asked for yet.
    heard: VecDeque<Said>,
}

/// A wall clock that goes with the runtime's, so that a paused test moves both.
struct RunningClock(tokio::time::Instant);

impl Clock for RunningClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(NOON).plus(self.0.elapsed())
    }
}

impl Default for AppPlan {
    /// Every channel is open, except those that ask for a token everywhere.
    fn default() -> Self {
        let mut rules = RuleTable::born(true).rows().to_vec();
        rules.retain(|rule| !rule.prefix.starts_with("cache-"));
        Self {
            rules,
            limits: Limits::default(),
            origins: Vec::new(),
            enabled: true,
        }
    }
}

impl AppPlan {
    /// The same app with another rule row for this prefix.
    #[must_use]
    pub fn with_rule(mut self, prefix: &str, change: impl FnOnce(&mut NamespaceRule)) -> Self {
        let mut rule = NamespaceRule::new(prefix, Access::Open);
        change(&mut rule);
        self.rules.retain(|other| other.prefix != prefix);
        self.rules.push(rule);
        self
    }

    /// The same app with other limits.
    #[must_use]
    pub fn with_limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    fn snapshot(&self, revision: u64) -> AppSnapshot {
        let key = AppKey::new("shop");
        let signing = signing_key();
        AppSnapshot {
            id: app_id(),
            pusher_app_id: None,
            revision: Revision {
                tenant: 1,
                app: revision,
            },
            tenant: TenantState {
                id: parse(TenantId::parse("ten")),
                suspended: false,
            },
            settings: AppSettings {
                name: "shop".to_owned(),
                enabled: self.enabled,
                allowed_origins: self.origins.clone(),
                client_events: true,
                limits: self.limits.clone(),
            },
            rules: RuleTable::new(self.rules.clone()),
            app_keys: [(key.key.clone(), key)].into(),
            api_keys: std::collections::HashMap::new(),
            signing_keys: [(signing.kid.clone(), signing)].into(),
        }
    }
}

impl World {
    /// An app that is open to everybody, and an engine that sweeps.
    pub fn new() -> Self {
        Self::of(AppPlan::default())
    }

    /// An engine that serves this app, and sweeps.
    pub fn of(plan: AppPlan) -> Self {
        Self::with(plan, StubGuest::default(), 7)
    }

    /// An engine that serves this app to this guest, with randomness from a seed.
    pub fn with(plan: AppPlan, guest: StubGuest, seed: u64) -> Self {
        let clock = Arc::new(RunningClock(tokio::time::Instant::now()));
        let random = Arc::new(SeededRandom::new(seed));
        let broker = Arc::new(MemoryBroker::new(
            clock.clone(),
            random.clone(),
            MemoryLimits::default(),
        ));
        let directory = Arc::new(StaticDirectory::new(vec![plan.snapshot(1)]));
        let verifier = Verifier::new(
            directory.clone(),
            clock.clone(),
            random.clone(),
            HashKeys::new(1, [7; 32]),
        );
        let presence = Arc::new(MemoryPresence::new(broker.clone()));
        let gate = Gate::open();
        let engine = Engine::new(EngineParts {
            broker: Arc::new(gate.before(broker.clone())),
            presence: presence.clone(),
            directory: directory.clone(),
            verifier: Arc::new(verifier),
            clock: clock.clone(),
            random,
            connection_secret: [3; 32],
        });
        broker.set_feed(Arc::new(gate.after(engine.feed())));
        tokio::spawn(Arc::clone(&engine).run(std::future::pending()));
        Self {
            engine,
            broker,
            presence,
            gate,
            guest: Arc::new(guest),
            clock,
            directory,
            revision: AtomicU64::new(1),
            messages: AtomicU64::new(0),
        }
    }

    /// The app changes under everybody.
    pub fn change(&self, plan: &AppPlan) {
        let revision = self.revision.fetch_add(1, Ordering::Relaxed) + 1;
        self.directory.replace(plan.snapshot(revision));
    }

    /// The channel as the broker knows it.
    pub fn channel(&self, name: &str) -> ChannelId {
        ChannelId::new(app_id(), parse(Channel::parse(name)))
    }

    /// A line that nobody has spoken on yet.
    pub fn dial(&self) -> Caller {
        self.dial_from(None)
    }

    /// A line from a page of this origin.
    pub fn dial_from(&self, origin: Option<&str>) -> Caller {
        let (link, wire) = TestLink::pair();
        let mut open = Open::bare(Transport::WebSocket, [127, 0, 0, 1].into());
        if let Some(origin) = origin.and_then(|origin| origin.parse().ok()) {
            open.headers.insert(http::header::ORIGIN, origin);
        }
        let guest: Arc<StubGuest> = Arc::clone(&self.guest);
        tokio::spawn(self.engine.serve(guest, &open, Box::new(link)));
        Caller {
            wire,
            model: ModelClient::default(),
            connection: None,
            key: None,
            heard: VecDeque::new(),
        }
    }

    /// Another line for a caller who keeps what it knows.
    pub fn redial(&self, caller: &mut Caller) {
        caller.wire = self.dial().wire;
        caller.model.loses_its_line();
        caller.heard.clear();
    }

    /// Somebody anonymous, greeted.
    pub async fn guest(&self) -> Caller {
        let mut caller = self.dial();
        caller.hello(None).await;
        caller
    }

    /// Somebody with a token for everything, greeted.
    pub async fn user(&self, name: &str) -> Caller {
        let mut caller = self.dial();
        let token = self.token(&json!({ "sub": name }));
        caller.hello(Some(token)).await;
        caller
    }

    /// A token of an hour for everything, unless `claims` say otherwise.
    pub fn token(&self, claims: &Value) -> String {
        let now = self.clock.now().as_secs();
        let mut all = json!({
            "iat": now,
            "exp": now + 3600,
            "capabilities": { "*": ["subscribe", "publish", "history", "presence"] },
        });
        if let (Some(all), Some(claims)) = (all.as_object_mut(), claims.as_object()) {
            all.extend(claims.clone());
        }
        let header = jsonwebtoken::Header {
            kid: Some("world".to_owned()),
            ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256)
        };
        let secret = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
        parse(jsonwebtoken::encode(&header, &all, &secret))
    }

    /// Seconds since 1970.
    pub fn seconds(&self) -> u64 {
        self.clock.now().as_secs()
    }

    /// A backend publishes one text; answers its place.
    pub async fn publish(&self, channel: &str, text: &str) -> Option<Position> {
        let draft = self.draft(text);
        self.publish_drafts(channel, vec![draft]).await[0]
    }

    /// A draft with an id that no other has.
    pub fn draft(&self, text: &str) -> Draft {
        let n = self.messages.fetch_add(1, Ordering::Relaxed);
        Draft::new(
            parse(MessageId::parse(&format!("message-{n}"))),
            Payload::text(text),
        )
    }

    /// A backend publishes these drafts as one act; answers their places.
    pub async fn publish_drafts(&self, channel: &str, drafts: Vec<Draft>) -> Vec<Option<Position>> {
        let id = self.channel(channel);
        let app = self.directory.held(&id.app);
        let publish = Publish {
            retention: parse(app.ok_or("the app is there"))
                .rules
                .of(&id.channel)
                .retention,
            channel: id,
            drafts,
            condition: None,
            retry: false,
            items_hash: None,
        };
        let outcomes = parse(self.broker.publish(publish).await);
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Appended { position } | Outcome::Duplicate { position } => position,
                Outcome::Unchanged { head, .. } => head,
            })
            .collect()
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Caller {
    /// Says something.
    pub fn ask(&self, ask: &Ask) {
        self.wire.send(ask.frame());
    }

    /// Says who it is, and waits to be greeted.
    pub async fn hello(&mut self, token: Option<String>) -> Said {
        self.ask(&Ask::Hello {
            app: "shop".to_owned(),
            token,
            key: self.key.clone(),
            tag: Some("hello".to_owned()),
        });
        self.answer("hello").await
    }

    /// Subscribes with the position it holds, and waits for the answer.
    pub async fn attach(&mut self, channel: &str) -> Said {
        let since = self.model.subscribes(channel);
        let tag = format!("attach {channel}");
        self.ask(&Ask::attach(channel, since, &tag));
        self.answer(&tag).await
    }

    /// Unsubscribes, and waits for the answer.
    pub async fn detach(&mut self, channel: &str) -> Said {
        let tag = format!("detach {channel}");
        self.ask(&Ask::detach(channel, &tag));
        self.answer(&tag).await
    }

    /// The next thing said; `Ending` for ever once the server let go.
    pub async fn next(&mut self) -> Said {
        loop {
            if let Some(said) = self.heard.pop_front() {
                return said;
            }
            self.wire.stir().await;
            accept(self.hear());
            if self.heard.is_empty() && (self.wire.ended() || self.wire.closed().is_some()) {
                return Said::Ending {
                    reason: "the line is closed".to_owned(),
                    retry_after_ms: None,
                };
            }
        }
    }

    /// What answers this tag; everything before it is passed over.
    pub async fn answer(&mut self, tag: &str) -> Said {
        loop {
            let said = self.next().await;
            if said.tag() == Some(tag) || matches!(said, Said::Ending { .. }) {
                return said;
            }
        }
    }

    /// The texts of the next so many messages; everything between them is passed over.
    pub async fn texts(&mut self, count: usize) -> Vec<String> {
        let mut texts = Vec::new();
        while texts.len() < count {
            match self.next().await {
                Said::Message { text, .. } => texts.push(text),
                Said::Ending { .. } => return texts,
                _ => {}
            }
        }
        texts
    }

    /// The next thing for which `wanted` holds; everything before it is passed over.
    pub async fn until(&mut self, wanted: impl Fn(&Said) -> bool) -> Said {
        loop {
            let said = self.next().await;
            if wanted(&said) || matches!(said, Said::Ending { .. }) {
                return said;
            }
        }
    }

    /// Everything that was said by now.
    pub fn heard(&mut self) -> Vec<Said> {
        accept(self.hear());
        self.heard.drain(..).collect()
    }

    /// Takes what came out, and holds it against the contract.
    pub fn hear(&mut self) -> Result<(), Violation> {
        for frame in self.wire.take() {
            let said = Said::read(&frame)
                .ok_or_else(|| Violation(format!("no frame of this protocol: {frame:?}")))?;
            if let Said::Opened {
                connection, key, ..
            } = &said
            {
                self.connection = ConnectionId::parse(connection).ok();
                self.key = Some(key.clone());
            }
            self.model.hear(&said)?;
            self.heard.push_back(said);
        }
        Ok(())
    }
}

/// Lets everything that is ready run, without letting time pass.
pub async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

/// Lets time pass.
pub async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    settle().await;
}

fn app_id() -> AppId {
    parse(AppId::parse("app_shop"))
}

fn signing_key() -> SigningKey {
    parse(SigningKey::new(
        parse(KeyId::parse("world")),
        SigningAlgorithm::Hs256,
        SecretText::new(SECRET),
        true,
        Timestamp::from_secs(1),
    ))
}

#[expect(
    clippy::panic,
    reason = "a test must fail where the contract is broken"
)]
fn accept(heard: Result<(), Violation>) {
    if let Err(Violation(text)) = heard {
        panic!("{text}");
    }
}

#[expect(
    clippy::panic,
    reason = "what a world is made of is right, or the test fails"
)]
fn parse<T, E: std::fmt::Debug>(made: Result<T, E>) -> T {
    made.unwrap_or_else(|error| panic!("a world could not be made: {error:?}"))
}
