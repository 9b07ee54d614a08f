//! Where the apps come from: the store of the data directory, or a file that the operator keeps.

use std::{io, sync::Arc};

use anyhow::Context as _;
use fanline_control::ControlState;
use fanline_model::{Clock, Random};
use fanline_store::{BootstrapRequest, Bootstrapped, Store, StoreDirectory, Vault};
use fanline_tenancy::{CachedDirectory, Directory};

use super::control::Control;
use crate::{
    app_changes::{AppChangesOut, StaleApps},
    apps_file::{self, AppsFile, Watch},
    config,
    data_dir::DataDir,
    keys::Keys,
};

/// The apps of an installation.
pub(super) enum Apps {
    Stored(Stored),
    File(Box<Watch>),
}

/// A store, the cache in front of it, and what of the cache is stale.
pub(super) struct Stored {
    store: Store,
    directory: Arc<CachedDirectory>,
    stale: Arc<StaleApps>,
}

// === impl Apps ===

impl Apps {
    pub(super) async fn open(
        config: &config::Store,
        data_dir: Option<&DataDir>,
        keys: &Keys,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> anyhow::Result<Self> {
        match config {
            config::Store::Sqlite => {
                let data_dir = data_dir.context("a store is kept in a data directory")?;
                let vault = Vault::new(keys.master_key(), keys.hash_keys());
                let store = Store::open(&data_dir.store(), vault, clock.clone(), random.clone())
                    .await
                    .context("cannot open the store")?;
                let stored = Arc::new(StoreDirectory::new(&store));
                let directory = Arc::new(CachedDirectory::new(stored, clock.clone()));
                let stale = Arc::new(StaleApps::new(directory.clone()));
                Ok(Self::Stored(Stored {
                    store,
                    directory,
                    stale,
                }))
            }
            config::Store::Static(path) => {
                let file = AppsFile::new(path, keys.master_key())?;
                let watch = Watch::begin(file, clock.now())?;
                Ok(Self::File(Box::new(watch)))
            }
        }
    }

    pub(super) fn directory(&self) -> Arc<dyn Directory> {
        match self {
            Self::Stored(stored) => stored.directory.clone(),
            Self::File(watch) => watch.directory(),
        }
    }

    /// The store, where tenants and apps can be made.
    pub(super) const fn stored(&self) -> Option<&Stored> {
        match self {
            Self::Stored(stored) => Some(stored),
            Self::File(_) => None,
        }
    }

    /// Hears which apps were changed on other nodes. Nodes that share a file look at it themselves.
    pub(super) fn listen(&self, control: &Control) {
        if let Self::Stored(stored) = self {
            control.signals.listen(stored.stale.clone());
        }
    }

    pub(super) fn admin_api(&self, control: &Control, random: &Arc<dyn Random>) -> axum::Router {
        match self {
            Self::Stored(Stored {
                store, directory, ..
            }) => {
                let changes = AppChangesOut::new(directory.clone(), control.signals.clone());
                fanline_control::router(ControlState::new(
                    store.clone(),
                    Arc::new(changes),
                    control.nodes.clone(),
                    random.clone(),
                ))
            }
            Self::File(watch) => apps_file::admin_api(watch.path()),
        }
    }

    /// Follows changes that are made elsewhere; never ends.
    pub(super) async fn follow(&self, clock: Arc<dyn Clock>) {
        match self {
            Self::Stored(stored) => match stored.stale.keep_fresh().await {},
            Self::File(watch) => Watch::clone(watch).run(clock).await,
        }
    }

    pub(super) async fn close(&self) {
        if let Self::Stored(stored) = self {
            stored.store.close().await;
        }
    }
}

// === impl Stored ===

impl Stored {
    pub(super) async fn first_start(
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
}
