//! One line sets a store up: two tenants with an app each, on a clock that stands still.

use std::path::PathBuf;
use std::sync::Arc;

use fanline_model::{ManualClock, SeededRandom, Timestamp};
use fanline_store::{Actor, BootstrapRequest, Bootstrapped, Scope, Store, StoreDirectory, Vault};
use fanline_tenancy::{AppRef, AppSnapshot, Directory, HashKeys, MasterKey};
use tempfile::TempDir;

/// 2026-11-25, noon, in milliseconds.
pub(crate) const NOW: u64 = 1_795_953_600_000;

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    pub(crate) shop: Bootstrapped,
    pub(crate) other: Bootstrapped,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(NOW)));
        let random = Arc::new(SeededRandom::new(5));
        let store = Store::open(
            &folder.path().join("fanline.db"),
            vault(),
            clock.clone(),
            random,
        )
        .await
        .unwrap();
        let shop = store
            .operator()
            .bootstrap(&request("shop", true), |_| Ok(()))
            .await
            .unwrap();
        let other = store
            .operator()
            .bootstrap(&request("other", false), |_| Ok(()))
            .await
            .unwrap();
        Self {
            folder,
            clock,
            store,
            shop,
            other,
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("fanline.db")
    }

    /// The same file, opened again with this vault.
    pub(crate) async fn open_again(&self, vault: Vault) -> Store {
        self.store.close().await;
        let random = Arc::new(SeededRandom::new(6));
        Store::open(&self.file(), vault, self.clock.clone(), random)
            .await
            .unwrap()
    }

    pub(crate) fn scope(&self) -> Scope {
        self.store.tenant(self.shop.tenant_id.clone())
    }

    pub(crate) async fn actor(&self) -> Actor {
        let token = self
            .store
            .operator()
            .verify(self.shop.operator_token.expose())
            .await
            .unwrap();
        token.unwrap().actor()
    }

    /// The shop as the directory sees it now.
    pub(crate) async fn snapshot(&self) -> Arc<AppSnapshot> {
        StoreDirectory::new(&self.store)
            .app(&AppRef::Id(self.shop.app_id.clone()))
            .await
            .unwrap()
    }
}

pub(crate) fn request(name: &str, preset_for_pusher: bool) -> BootstrapRequest {
    BootstrapRequest {
        tenant_name: name.to_owned(),
        app_name: name.to_owned(),
        preset_for_pusher,
    }
}

pub(crate) fn vault() -> Vault {
    Vault::new(MasterKey::new(1, [1; 32]), HashKeys::new(1, [2; 32]))
}
