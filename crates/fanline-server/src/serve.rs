//! Serving an installation from start to stop, as `serve` and `dev` both do.
//!
//! The order of the start is a promise: what may fail fails first; the saved replay buffers are taken off
//! the disk before anybody is let in; and at the end they are saved only when nothing runs any more that
//! could publish.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use axum::middleware;
use fanline_edge::{
    Door, Mounts, Node, Sessions,
    listener::{self, Bound},
    ops,
};
use fanline_model::SystemRandom;
use fanline_telemetry::{Health, Metrics};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Config, Listen},
    credentials::Credentials,
    data_dir::DataDir,
    files, http_service,
    keys::Keys,
    loopback,
    wire::{Installation, ReplayBuffers},
};

/// How long what runs is waited for after the node has stopped.
const LEAVING: Duration = Duration::from_secs(5);

/// How a mode differs from the other.
pub trait Mode {
    /// Whether a first start opens the channels that Pusher's users expect to be open.
    fn preset_for_pusher(&self) -> bool;

    /// What else the public listener serves.
    fn mounts(&self, mounts: Mounts, installation: &Installation, made: &Credentials) -> Mounts;

    /// Called once it serves.
    ///
    /// # Errors
    /// Whoever was to be told cannot be; the server stops.
    fn serving(&self, made: &Credentials) -> anyhow::Result<()>;
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
    let data_dir = DataDir::open(&config.data_dir)?;
    let served = runtime.block_on(async {
        let stop = stop().context("cannot listen for signals")?;
        start(config, &data_dir, mode).await?.run(stop).await
    });
    // Whatever runs may still publish; after this nothing runs.
    runtime.shutdown_timeout(LEAVING);
    let replay = served?;
    let path = data_dir.snapshot();
    replay
        .save(&path)
        .with_context(|| format!("cannot save the replay buffers to {}", path.display()))?;
    tracing::info!("stopped; replay buffers are saved");
    Ok(())
}

/// A server that serves as soon as it runs.
struct Server {
    installation: Arc<Installation>,
    node: Node,
}

async fn start(config: &Config, data_dir: &DataDir, mode: &impl Mode) -> anyhow::Result<Server> {
    files::raise_limit();
    let bound = Listeners::bind(config.listen)?;
    let keys = Keys::obtain(config, data_dir, &SystemRandom)?;
    let installation = Arc::new(Installation::open(data_dir, &keys).await?);
    let made = credentials(
        &installation,
        data_dir,
        mode.preset_for_pusher(),
        bound.addresses,
    )
    .await?;

    let (health, metrics) = (Health::new(), Metrics::new(env!("CARGO_PKG_VERSION")));
    installation.measure(&metrics);
    let sessions = Sessions::new(installation.engine().clone());
    let door = |name, mounts| Door::new(name, mounts, config.patience, &metrics);
    let public = mode.mounts(installation.public_mounts(), &installation, &made);
    let public = door("public", public).with_sessions(sessions.clone());
    let admin = installation
        .admin_api()
        .layer(middleware::from_fn(loopback::only));
    let admin = Mounts::new().with_service("/", http_service::of(admin));
    let ops = Mounts::new().with_service("/", ops::service(metrics.clone(), health.clone()));
    let (admin, ops) = (door("admin", admin), door("ops", ops));

    let path = data_dir.snapshot();
    let restored = installation
        .replay_buffers()
        .restore(&path)
        .with_context(|| format!("cannot take the replay buffers out of {}", path.display()))?;
    let told = async {
        let listeners = bound.listen()?;
        mode.serving(&made)?;
        anyhow::Ok(listeners)
    };
    let [public_listener, admin_listener, ops_listener] = match told.await {
        Ok(listeners) => listeners,
        Err(error) => {
            restored.put_back(&path)?;
            return Err(error);
        }
    };
    Ok(Server {
        installation,
        node: Node {
            sessions,
            health,
            farewell: config.farewell,
            doors: vec![
                (public_listener, Arc::new(public)),
                (admin_listener, Arc::new(admin)),
            ],
            ops: (ops_listener, Arc::new(ops)),
        },
    })
}

/// The credentials of the installation, made at its first start, with the addresses of this one.
async fn credentials(
    installation: &Installation,
    data_dir: &DataDir,
    preset_for_pusher: bool,
    addresses: Listen,
) -> anyhow::Result<Credentials> {
    let place = |mut made: Credentials| {
        let url = |address: SocketAddr| format!("http://{}", reachable(address));
        made.url = url(addresses.public);
        made.admin_url = url(addresses.admin);
        made.ops_url = url(addresses.ops);
        made.data_dir = data_dir.path().to_owned();
        made
    };
    let keep = |made: &_| place(Credentials::of(made, data_dir.path())).save();
    let is_first = installation
        .first_start(preset_for_pusher, keep)
        .await
        .context("cannot make the first tenant and app")?;
    let missing = || {
        anyhow!(
            "{} holds an installation, but its credentials.json is gone: put it back from a copy, or \
             begin anew with another --data-dir",
            data_dir.path().display()
        )
    };
    let made = place(Credentials::load(data_dir.path())?.ok_or_else(missing)?);
    made.save().context("cannot write credentials.json")?;
    if is_first {
        let path = data_dir.path().join("credentials.json");
        tracing::info!(path = %path.display(), "made a tenant, an app and their credentials");
    }
    Ok(made)
}

/// An address that a client of this machine can use: the unspecified one is none.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut reachable = address;
    if address.ip().is_unspecified() {
        reachable.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    reachable
}

// === impl Server ===

impl Server {
    /// Serves until `stop`; answers the replay buffers, to be saved when nothing runs any more.
    async fn run(self, stop: CancellationToken) -> anyhow::Result<ReplayBuffers> {
        let sweeping = tokio::spawn(self.installation.clone().sweep_broker());
        self.node.run(stop).await;
        sweeping.abort();
        self.installation.close().await;
        Ok(self.installation.replay_buffers())
    }
}

/// The three listeners, at which nobody is let in yet.
struct Listeners {
    bound: [(Bound, &'static str); 3],
    addresses: Listen,
}

// === impl Listeners ===

impl Listeners {
    fn bind(listen: Listen) -> anyhow::Result<Self> {
        let public = bind(listen.public, "--listen")?;
        let admin = bind(listen.admin, "--admin-listen")?;
        let ops = bind(listen.ops, "--ops-listen")?;
        Ok(Self {
            addresses: Listen {
                public: public.address()?,
                admin: admin.address()?,
                ops: ops.address()?,
            },
            bound: [
                (public, "--listen"),
                (admin, "--admin-listen"),
                (ops, "--ops-listen"),
            ],
        })
    }

    fn listen(self) -> anyhow::Result<[tokio::net::TcpListener; 3]> {
        let Listen { public, admin, ops } = self.addresses;
        let [first, second, third] = self.bound;
        let listen = |(bound, flag): (Bound, _), address| {
            bound.listen().map_err(|error| taken(address, flag, &error))
        };
        Ok([
            listen(first, public)?,
            listen(second, admin)?,
            listen(third, ops)?,
        ])
    }
}

fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<Bound> {
    listener::bind(address).map_err(|error| taken(address, flag, &error))
}

fn taken(address: SocketAddr, flag: &str, error: &io::Error) -> anyhow::Error {
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "{address} is taken by another process: choose another port with `{flag} {}:PORT`, or \
             `{flag} {}:0` for any free one",
            address.ip(),
            address.ip()
        ),
        io::ErrorKind::PermissionDenied => anyhow!(
            "this user may not listen on port {port}: choose one above 1023 with `{flag} {}:PORT`",
            address.ip()
        ),
        io::ErrorKind::AddrNotAvailable => {
            anyhow!(
                "{} is no address of this machine: choose another with `{flag}`",
                address.ip()
            )
        }
        _ => anyhow!("cannot listen on {address} (`{flag}`): {error}"),
    }
}
