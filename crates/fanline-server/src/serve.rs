//! Serving an installation from start to stop, as `serve` and `dev` both do.
//!
//! The order of the start is a promise: what may fail fails first; the saved replay buffers are taken off
//! the disk before anybody is let in; and at the end they are saved only when nothing runs any more that
//! could publish.

mod listeners;

use std::{io, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use axum::middleware;
use fanline_edge::{Door, Mounts, Node, Sessions, ops};
use fanline_model::SystemRandom;
use fanline_telemetry::{Health, Metrics};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_util::sync::CancellationToken;

use self::listeners::Listeners;
use crate::{
    config::Config,
    credentials::Credentials,
    data_dir::DataDir,
    files, http_service,
    keys::Keys,
    loopback,
    registration::Registration,
    wire::{Installation, ReplayBuffers},
};

pub use self::listeners::Names;

/// How long what runs is waited for after the node has stopped.
const LEAVING: Duration = Duration::from_secs(5);

/// How a mode differs from the other.
pub trait Mode {
    /// What a person changes to move a listener.
    fn listener_names(&self) -> Names;

    /// Whether a first start opens the channels that Pusher's users expect to be open.
    fn preset_for_pusher(&self) -> bool;

    /// What else the public listener serves, where credentials were made.
    fn mounts(&self, mounts: Mounts, installation: &Installation, made: &Credentials) -> Mounts;

    /// Called once it serves.
    ///
    /// # Errors
    /// Whoever was to be told cannot be; the server stops.
    fn serving(&self, served: &Served) -> anyhow::Result<()>;
}

/// Where an installation is served.
pub struct Served {
    /// The URLs of the three listeners: public, admin, ops.
    pub urls: [String; 3],
    /// What was made at the first start; nothing where the apps are a file of the operator's.
    pub made: Option<Credentials>,
}

/// Serves until `stop` and stops cleanly.
///
/// # Errors
/// Something that it needs is not there; the sentence says what to do.
pub fn run(
    runtime: Runtime,
    config: &Config,
    mode: &impl Mode,
    stop: impl FnOnce() -> io::Result<CancellationToken>,
) -> anyhow::Result<()> {
    let data_dir = match config.needs_data_dir() {
        true => Some(DataDir::open(&config.data_dir)?),
        false => None,
    };
    let served = runtime.block_on(async {
        let stop = stop().context("cannot listen for signals")?;
        let server = Server::start(config, data_dir.as_ref(), mode).await?;
        anyhow::Ok(server.run(stop).await)
    });
    // Whatever still ran could publish; after this nothing does.
    runtime.shutdown_timeout(LEAVING);
    served?.save()?;
    tracing::info!("stopped");
    Ok(())
}

/// A server that serves as soon as it runs.
struct Server {
    installation: Arc<Installation>,
    registration: Registration,
    node: Node,
}

/// What is behind each listener, and what watches over all.
struct Inside {
    sessions: Sessions,
    health: Health,
    public: Door,
    admin: Door,
    ops: Door,
}

// === impl Server ===

impl Server {
    async fn start(
        config: &Config,
        data_dir: Option<&DataDir>,
        mode: &impl Mode,
    ) -> anyhow::Result<Self> {
        files::raise_limit();
        let listeners = Listeners::bind(config.listen, mode.listener_names())?;
        let keys = match data_dir {
            Some(data_dir) => Keys::obtain(config, data_dir, &SystemRandom)?,
            None => Keys::given(config).context("the keys of the installation are missing")?,
        };
        let installation = Arc::new(Installation::open(data_dir, &keys, config).await?);
        let served = served(&installation, data_dir, mode, listeners.urls()).await?;
        let inside = Inside::new(config, &installation, &served, mode);
        let health = inside.health.clone();
        let registration = installation.registration(config, &keys, &served.urls, health);
        let listeners = open(listeners, &installation, || mode.serving(&served))?;
        Ok(Self {
            installation,
            registration,
            node: inside.behind(listeners, config),
        })
    }

    /// Serves until `stop`; answers the replay buffers, to be saved when nothing runs any more.
    async fn run(self, stop: CancellationToken) -> ReplayBuffers {
        let health = self.node.health.clone();
        let sweeping = tokio::spawn(self.installation.clone().run_broker(health));
        let following = tokio::spawn(self.installation.clone().follow_apps());
        let hearing = tokio::spawn(self.installation.clone().run_control());
        tokio::select! {
            biased;
            // First, so that the node serves when it is announced.
            () = self.node.run(stop) => {}
            never = self.registration.keep() => match never {},
        }
        self.registration.withdraw().await;
        sweeping.abort();
        following.abort();
        hearing.abort();
        self.installation.close().await;
        self.installation.replay_buffers()
    }
}

// === impl Inside ===

impl Inside {
    fn new(
        config: &Config,
        installation: &Installation,
        served: &Served,
        mode: &impl Mode,
    ) -> Self {
        let (health, metrics) = (Health::new(), Metrics::new(env!("CARGO_PKG_VERSION")));
        installation.measure(&metrics);
        installation.await_broker(&health);
        let sessions = Sessions::new(installation.engine().clone());
        let all = |service| Mounts::new().with_service("/", service);
        let guard = middleware::from_fn(loopback::only);
        let mut public = installation.public_mounts();
        if let Some(made) = &served.made {
            public = mode.mounts(public, installation, made);
        }
        let admin = all(http_service::of(installation.admin_api().layer(guard)));
        let ops = all(ops::service(metrics.clone(), health.clone()));
        let door = |name, mounts| Door::new(name, mounts, config.patience, &metrics);
        Self {
            public: door("public", public).with_sessions(sessions.clone()),
            admin: door("admin", admin),
            ops: door("ops", ops),
            sessions,
            health,
        }
    }

    fn behind(self, [public, admin, ops]: [TcpListener; 3], config: &Config) -> Node {
        Node {
            sessions: self.sessions,
            health: self.health,
            farewell: config.farewell,
            doors: vec![
                (public, Arc::new(self.public)),
                (admin, Arc::new(self.admin)),
            ],
            ops: (ops, Arc::new(self.ops)),
        }
    }
}

/// Where all is served; with the credentials, where they were made here.
async fn served(
    installation: &Installation,
    data_dir: Option<&DataDir>,
    mode: &impl Mode,
    urls: [String; 3],
) -> anyhow::Result<Served> {
    let made = match data_dir.filter(|_| installation.makes_apps()) {
        Some(data_dir) => {
            let preset = mode.preset_for_pusher();
            Some(credentials(installation, data_dir, preset, urls.clone()).await?)
        }
        None => None,
    };
    Ok(Served { urls, made })
}

/// The credentials of the installation, made at its first start, with the addresses of this one.
async fn credentials(
    installation: &Installation,
    data_dir: &DataDir,
    preset_for_pusher: bool,
    urls: [String; 3],
) -> anyhow::Result<Credentials> {
    let path = data_dir.path();
    let here = |made: Credentials| Credentials {
        data_dir: path.to_owned(),
        ..made.at(urls.clone())
    };
    let is_first = installation
        .first_start(preset_for_pusher, |made| here(Credentials::of(made)).save())
        .await
        .context("cannot make the first tenant and app")?;
    let missing = || {
        anyhow!(
            "{} holds an installation, but its credentials.json is gone: put it back from a copy, or \
             begin anew in another data directory",
            path.display()
        )
    };
    let made = here(Credentials::load(path)?.ok_or_else(missing)?);
    made.save().context("cannot write credentials.json")?;
    if is_first {
        let path = path.join("credentials.json");
        tracing::info!(path = %path.display(), "made a tenant, an app and their credentials");
    }
    Ok(made)
}

/// Takes the saved replay buffers and lets clients in. If that fails after all, the buffers are put back:
/// nobody was served.
fn open(
    listeners: Listeners,
    installation: &Installation,
    say_so: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<[TcpListener; 3]> {
    let restored = installation.replay_buffers().restore()?;
    let opened = listeners
        .listen()
        .and_then(|listeners| say_so().map(|()| listeners));
    opened.or_else(|error| {
        restored.put_back()?;
        Err(error)
    })
}
