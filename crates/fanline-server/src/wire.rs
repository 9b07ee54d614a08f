//! Wiring: the one place that names concrete stores, brokers and protocols.
//!
//! What the rest of the server sees of them are ports, mounts and services.

mod apps;
mod control;
pub(crate) mod redis;
mod replay;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use fanline_broker::memory::{MemoryBroker, MemoryLimits, MemoryPresence};
use fanline_broker::{Broker, Feed, Presence};
use fanline_broker_redis::RedisBroker;
use fanline_edge::Mounts;
use fanline_engine::{Engine, EngineParts, EngineStats};
use fanline_model::{Clock, Random, SystemClock, SystemRandom};
use fanline_protocol::{Realtime, Transport};
use fanline_protocol_native::NativeProtocol;
use fanline_protocol_pusher::PusherProtocol;
use fanline_store::Bootstrapped;
use fanline_telemetry::{Health, Metrics};
use fanline_tenancy::Verifier;
use utoipa::openapi::OpenApi;

use self::{apps::Apps, control::Control};
use crate::{
    config::{self, Config},
    credentials::{Credentials, Pusher, SigningKey},
    data_dir::DataDir,
    keys::Keys,
    registration::Registration,
};

pub use self::replay::{ReplayBuffers, Restored};

/// How often the broker forgets what outlived its time.
const SWEEP: Duration = Duration::from_secs(1);

/// A whole installation in one process: apps, broker, engine, and what they serve.
pub struct Installation {
    apps: Apps,
    carrier: Carrier,
    control: Control,
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Where the replay buffers of the embedded broker outlive a clean stop.
    replay: Option<PathBuf>,
}

/// What carries the messages.
enum Carrier {
    Memory(Arc<MemoryBroker>),
    Redis(Arc<RedisBroker>),
}

/// Opens what the apps of an installation are kept in, and closes it again.
///
/// # Errors
/// It cannot be opened.
pub async fn examine_apps(
    data_dir: Option<&DataDir>,
    keys: &Keys,
    config: &config::Store,
) -> anyhow::Result<()> {
    let (clock, random) = (Arc::new(SystemClock) as _, Arc::new(SystemRandom) as _);
    let apps = Apps::open(config, data_dir, keys, &clock, &random).await?;
    apps.close().await;
    Ok(())
}

/// An OpenAPI document.
pub struct Document {
    /// Its name, and its file's under `openapi/`.
    pub name: &'static str,
    openapi: OpenApi,
}

/// The documents of every HTTP API.
#[must_use]
pub fn documents() -> [Document; 3] {
    [
        Document {
            name: "native",
            openapi: fanline_protocol_native::openapi(),
        },
        Document {
            name: "pusher",
            openapi: fanline_protocol_pusher::openapi(),
        },
        Document {
            name: "admin",
            openapi: fanline_control::openapi(),
        },
    ]
}

// === impl Installation ===

impl Installation {
    /// Opens the installation of a configuration, with the data directory that it needs.
    ///
    /// # Errors
    /// The store cannot be opened, or the file of apps makes no sense.
    pub async fn open(
        data_dir: Option<&DataDir>,
        keys: &Keys,
        config: &Config,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let apps = Apps::open(&config.store, data_dir, keys, &clock, &random).await?;
        let directory = apps.directory();
        let verifier = Verifier::new(
            directory.clone(),
            clock.clone(),
            random.clone(),
            keys.hash_keys(),
        );
        let carrier = Carrier::of(&config.broker, &clock, &random)?;
        let (broker, presence) = carrier.ports();
        let engine = Engine::new(EngineParts {
            broker,
            presence,
            directory,
            verifier: Arc::new(verifier),
            clock: clock.clone(),
            random: random.clone(),
            connection_secret: keys.master_key().derive("connection keys"),
        });
        carrier.set_feed(engine.feed());
        let control = Control::over(&carrier, &keys.master_key(), &clock, &random);
        apps.listen(&control);
        Ok(Self {
            apps,
            carrier,
            control,
            engine,
            clock,
            random,
            replay: data_dir.map(DataDir::snapshot),
        })
    }

    /// Whether tenants and apps are made here, rather than read from a file that the operator keeps.
    #[must_use]
    pub const fn makes_apps(&self) -> bool {
        self.apps.stored().is_some()
    }

    /// Makes a tenant with an app if there is nobody yet. `keep` gets the credentials before they come
    /// into force, and must write them where they will be found.
    ///
    /// # Errors
    /// The store or `keep` failed.
    pub async fn first_start(
        &self,
        preset_for_pusher: bool,
        keep: impl FnOnce(&Bootstrapped) -> io::Result<()> + Send,
    ) -> anyhow::Result<bool> {
        match self.apps.stored() {
            Some(stored) => stored.first_start(preset_for_pusher, keep).await,
            None => Ok(false),
        }
    }

    /// What the public listener serves in every mode.
    #[must_use]
    pub fn public_mounts(&self) -> Mounts {
        const SOCKETS: &[Transport] = &[Transport::WebSocket];
        let realtime = self.realtime();
        Mounts::new()
            .with_protocol("/v1/connect", Arc::new(NativeProtocol), SOCKETS)
            .with_service("/v1", fanline_protocol_native::http(realtime.clone()))
            .with_protocol("/app", Arc::new(PusherProtocol::default()), SOCKETS)
            .with_service("/apps", fanline_protocol_pusher::http(realtime))
    }

    /// The admin API.
    pub fn admin_api(&self) -> axum::Router {
        self.apps.admin_api(&self.control, &self.random)
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// What may be asked of the engine.
    #[must_use]
    pub fn realtime(&self) -> Arc<dyn Realtime> {
        self.engine.realtime()
    }

    /// The replay buffers.
    #[must_use]
    pub fn replay_buffers(&self) -> ReplayBuffers {
        let embedded = match &self.carrier {
            Carrier::Memory(broker) => Some(broker.clone()),
            Carrier::Redis(_) => None,
        };
        ReplayBuffers(embedded.zip(self.replay.clone()))
    }

    /// Not ready before the broker was reached once, where it is not within the process.
    pub fn await_broker(&self, health: &Health) {
        if let Carrier::Redis(_) = &self.carrier {
            health.miss("Redis was not reached yet");
        }
    }

    /// Keeps the broker tidy or connected, and tells when it is reached; never ends.
    pub async fn run_broker(self: Arc<Self>, health: Health) {
        let broker = match &self.carrier {
            Carrier::Memory(broker) => broker,
            Carrier::Redis(broker) => return self::redis::run(broker, &health).await,
        };
        let mut ticks = tokio::time::interval(SWEEP);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            broker.sweep();
        }
    }

    /// Hears the control traffic of other nodes; never ends.
    pub async fn run_control(self: Arc<Self>) {
        self.control.run().await;
    }

    /// This node's entry in the registry of nodes.
    pub(crate) fn registration(
        &self,
        config: &Config,
        keys: &Keys,
        urls: &[String; 3],
        health: Health,
    ) -> Registration {
        let description = self.control.describe(config, keys, urls);
        self.control
            .register(description, self.engine.clone(), health)
    }

    /// Follows changes of the apps that are made elsewhere; never ends.
    pub async fn follow_apps(self: Arc<Self>) {
        self.apps.follow(self.clock.clone()).await;
    }

    /// Adds what the engine counts to the metrics.
    pub fn measure(&self, metrics: &Metrics) {
        type Read = fn(EngineStats) -> u64;
        let figure = |read: Read| {
            let engine = Arc::downgrade(&self.engine);
            move || engine.upgrade().map_or(0, |engine| read(engine.stats()))
        };
        metrics.gauge("sessions", "Sessions that are open", figure(|s| s.sessions));
        let followed = figure(|s| s.followed);
        metrics.gauge("channels_followed", "Channels that are followed", followed);
        let counters: [(&str, &str, Read); 5] = [
            ("sessions_opened", "Sessions ever opened", |s| s.opened),
            ("messages_published", "Messages published here", |s| {
                s.published
            }),
            ("frames_sent", "Frames handed to links", |s| s.frames),
            ("commands_refused", "Commands refused", |s| s.refused),
            (
                "slow_consumers",
                "Sessions closed for reading too slowly",
                |s| s.slow,
            ),
        ];
        for (name, help, read) in counters {
            metrics.counter(name, help, figure(read));
        }
        let engine = Arc::downgrade(&self.engine);
        metrics.gauge("degraded", "1 while the broker is away", move || {
            u64::from(engine.upgrade().is_some_and(|engine| engine.is_degraded()))
        });
        if let Carrier::Redis(broker) = &self.carrier {
            self::redis::measure(broker, metrics);
        }
        self.control.measure(metrics);
    }

    /// Writes what the store holds in memory and lets go of its file.
    pub async fn close(&self) {
        self.apps.close().await;
    }
}

// === impl Carrier ===

impl Carrier {
    fn of(
        config: &config::Broker,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> anyhow::Result<Self> {
        let limits = MemoryLimits::default();
        Ok(match config {
            config::Broker::Memory => {
                let broker = MemoryBroker::new(clock.clone(), random.clone(), limits);
                Self::Memory(Arc::new(broker))
            }
            config::Broker::Redis(redis) => {
                let (config, records) = (self::redis::reach(redis)?, limits.idempotency_records);
                Self::Redis(Arc::new(RedisBroker::new(config, random.clone(), records)))
            }
        })
    }

    fn ports(&self) -> (Arc<dyn Broker>, Arc<dyn Presence>) {
        match self {
            Self::Memory(broker) => (
                broker.clone(),
                Arc::new(MemoryPresence::new(broker.clone())),
            ),
            Self::Redis(broker) => (broker.clone(), Arc::new(broker.presence())),
        }
    }

    fn set_feed(&self, feed: Arc<dyn Feed>) {
        match self {
            Self::Memory(broker) => broker.set_feed(feed),
            Self::Redis(broker) => broker.set_feed(feed),
        }
    }
}

// === impl Credentials ===

impl Credentials {
    /// What was made at a first start; where it is served and kept is not known yet.
    pub(crate) fn of(made: &Bootstrapped) -> Self {
        let text = |secret: &fanline_tenancy::SecretText| secret.expose().to_owned();
        Self {
            url: String::new(),
            admin_url: String::new(),
            ops_url: String::new(),
            tenant_id: made.tenant_id.to_string(),
            app_id: made.app_id.to_string(),
            api_key: text(&made.api_key),
            signing_key: SigningKey {
                kid: made.signing_key.kid.to_string(),
                secret: text(&made.signing_key.secret),
            },
            pusher: Pusher {
                app_id: made.pusher.app_id.clone(),
                key: made.pusher.key.clone(),
                secret: text(&made.pusher.secret),
            },
            operator_token: text(&made.operator_token),
            data_dir: PathBuf::new(),
        }
    }
}

// === impl Document ===

impl Document {
    /// The document as it is committed.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn text(&self) -> serde_json::Result<String> {
        Ok(self.openapi.to_pretty_json()? + "\n")
    }
}
