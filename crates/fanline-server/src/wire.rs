//! Wiring: the one place that names concrete stores, brokers and protocols.
//!
//! What the rest of the server sees of them are ports, mounts and services.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use fanline_broker::memory::{
    MemoryBroker, MemoryLimits, MemoryPresence,
    snapshot_file::{put, take},
};
use fanline_broker::{Broker, Feed, Presence};
use fanline_broker_redis::{RedisBroker, RedisConfig};
use fanline_control::ControlState;
use fanline_edge::Mounts;
use fanline_engine::{Engine, EngineParts, EngineStats};
use fanline_model::{Clock, Random, SystemClock, SystemRandom};
use fanline_protocol::{Realtime, Transport};
use fanline_protocol_native::NativeProtocol;
use fanline_protocol_pusher::PusherProtocol;
use fanline_store::{BootstrapRequest, Bootstrapped, Store, StoreDirectory, Vault};
use fanline_telemetry::Metrics;
use fanline_tenancy::{CachedDirectory, Directory, HashKeys, MasterKey, Verifier};
use utoipa::openapi::OpenApi;

use crate::{
    config,
    credentials::{Credentials, Pusher, SigningKey},
    data_dir::DataDir,
    keys::Keys,
};

/// The version of the keys, until they can be rotated.
const KEY_VERSION: u32 = 1;
/// How often the broker forgets what outlived its time.
const SWEEP: Duration = Duration::from_secs(1);

/// A whole installation in one process: store, broker, engine, and what they serve.
pub struct Installation {
    store: Store,
    directory: Arc<CachedDirectory>,
    carrier: Carrier,
    engine: Arc<Engine>,
    random: Arc<dyn Random>,
}

/// What carries the messages.
enum Carrier {
    Memory(Arc<MemoryBroker>),
    Redis(Arc<RedisBroker>),
}

/// The replay buffers of the embedded broker, which outlive a clean stop. Another broker keeps its own.
pub struct ReplayBuffers(Option<Arc<MemoryBroker>>);

/// Replay buffers that were taken off the disk. Until somebody is served they can be put back.
#[must_use]
pub struct Restored {
    bytes: Option<Vec<u8>>,
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
    /// Opens the installation of a data directory.
    ///
    /// # Errors
    /// The store cannot be opened.
    pub async fn open(
        data_dir: &DataDir,
        keys: &Keys,
        broker: &config::Broker,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let master = MasterKey::new(KEY_VERSION, keys.master.bytes());
        let hash_keys = HashKeys::new(KEY_VERSION, keys.hash.bytes());
        let connection_secret = master.derive("connection keys");
        let vault = Vault::new(master, hash_keys.clone());
        let store = Store::open(&data_dir.store(), vault, clock.clone(), random.clone())
            .await
            .context("cannot open the store")?;

        let stored = Arc::new(StoreDirectory::new(&store));
        let directory = Arc::new(CachedDirectory::new(stored, clock.clone()));
        let verifier = Verifier::new(directory.clone(), clock.clone(), random.clone(), hash_keys);
        let carrier = Carrier::of(broker, &clock, &random);
        let (broker, presence) = carrier.ports();
        let engine = Engine::new(EngineParts {
            broker,
            presence,
            directory: directory.clone() as Arc<dyn Directory>,
            verifier: Arc::new(verifier),
            clock,
            random: random.clone(),
            connection_secret,
        });
        carrier.set_feed(engine.feed());
        Ok(Self {
            store,
            directory,
            carrier,
            engine,
            random,
        })
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
        let operator = self.store.operator();
        if !operator.is_empty().await? {
            return Ok(false);
        }
        let request = BootstrapRequest {
            tenant_name: "default".to_owned(),
            app_name: "default".to_owned(),
            preset_for_pusher,
        };
        operator.bootstrap(&request, keep).await?;
        Ok(true)
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
        let changes = self.directory.clone();
        fanline_control::router(ControlState::new(
            self.store.clone(),
            changes,
            self.random.clone(),
        ))
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
        match &self.carrier {
            Carrier::Memory(broker) => ReplayBuffers(Some(broker.clone())),
            Carrier::Redis(_) => ReplayBuffers(None),
        }
    }

    /// Keeps the broker tidy or connected; never ends.
    pub async fn run_broker(self: Arc<Self>) {
        let broker = match &self.carrier {
            Carrier::Memory(broker) => broker,
            Carrier::Redis(broker) => return broker.run(std::future::pending()).await,
        };
        let mut ticks = tokio::time::interval(SWEEP);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            broker.sweep();
        }
    }

    /// Adds what the engine counts to the metrics.
    pub fn measure(&self, metrics: &Metrics) {
        type Read = fn(EngineStats) -> u64;
        let figure = |read: Read| {
            let engine = Arc::downgrade(&self.engine);
            move || engine.upgrade().map_or(0, |engine| read(engine.stats()))
        };
        metrics.gauge("sessions", "Sessions that are open", figure(|s| s.sessions));
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
    }

    /// Writes what the store holds in memory and lets go of its file.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

// === impl Carrier ===

impl Carrier {
    fn of(config: &config::Broker, clock: &Arc<dyn Clock>, random: &Arc<dyn Random>) -> Self {
        let limits = MemoryLimits::default();
        match config {
            config::Broker::Memory => {
                let broker = MemoryBroker::new(clock.clone(), random.clone(), limits);
                Self::Memory(Arc::new(broker))
            }
            config::Broker::Redis(redis) => {
                let config = RedisConfig {
                    nodes: redis.nodes.clone(),
                    username: redis.username.clone(),
                    password: redis
                        .password
                        .as_ref()
                        .map(|password| password.expose().to_owned()),
                    ..RedisConfig::default()
                };
                let records = limits.idempotency_records;
                Self::Redis(Arc::new(RedisBroker::new(config, random.clone(), records)))
            }
        }
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

// === impl ReplayBuffers ===

impl ReplayBuffers {
    /// Takes what a clean stop saved. The file is gone, durably, when this returns: a crash must never
    /// load it a second time, under positions that were given to other messages meanwhile.
    ///
    /// # Errors
    /// The file cannot be read, or not be removed.
    pub fn restore(&self, path: &Path) -> io::Result<Restored> {
        let Some(broker) = &self.0 else {
            return Ok(Restored { bytes: None });
        };
        let bytes = take(path)?;
        if let Some(bytes) = &bytes {
            match broker.restore(bytes) {
                Ok(channels) => tracing::info!(channels, "restored the replay buffers"),
                // As after a crash: every channel has a new epoch, and clients are told.
                Err(error) => tracing::warn!(%error, "the replay buffers are not restored"),
            }
        }
        Ok(Restored { bytes })
    }

    /// Saves them. To be called when nobody can publish any more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        match &self.0 {
            Some(broker) => put(path, &broker.save()),
            None => Ok(()),
        }
    }
}

// === impl Restored ===

impl Restored {
    /// Puts the file back as it was: nobody was served after all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put_back(self, path: &Path) -> io::Result<()> {
        match self.bytes {
            Some(bytes) => put(path, &bytes),
            None => Ok(()),
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
