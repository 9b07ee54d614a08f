//! Snapshots in memory, by every name of their apps.

use std::collections::HashMap;
use std::sync::Arc;

use fanline_model::{AppId, KeyId};

use crate::app::AppSnapshot;
use crate::directory::AppRef;

/// The newest snapshot of each app, and the aliases that lead to it. An alias is only ever added by the
/// snapshot that holds it, and goes with it.
#[derive(Debug, Default)]
pub(crate) struct Index {
    apps: HashMap<AppId, Arc<AppSnapshot>, ahash::RandomState>,
    keys: HashMap<Arc<str>, AppId, ahash::RandomState>,
    pusher: HashMap<Arc<str>, AppId, ahash::RandomState>,
    api_keys: HashMap<KeyId, AppId, ahash::RandomState>,
}

// === impl Index ===

impl Index {
    /// The snapshot by any name.
    pub(crate) fn get(&self, by: &AppRef) -> Option<&Arc<AppSnapshot>> {
        let id = match by {
            AppRef::Id(id) => id,
            AppRef::Key(key) => self.keys.get(key)?,
            AppRef::PusherApp(app) => self.pusher.get(app)?,
            AppRef::ApiKey(id) => self.api_keys.get(id)?,
        };
        self.apps.get(id)
    }

    /// The snapshot by id.
    pub(crate) fn app(&self, id: &AppId) -> Option<&Arc<AppSnapshot>> {
        self.apps.get(id)
    }

    /// Every snapshot, in no order.
    pub(crate) fn apps(&self) -> impl Iterator<Item = &Arc<AppSnapshot>> {
        self.apps.values()
    }

    /// Puts a snapshot in place of the app's former one.
    pub(crate) fn put(&mut self, snapshot: Arc<AppSnapshot>) {
        let id = snapshot.id.clone();
        if self.apps.contains_key(&id) {
            self.keys.retain(|_, app| *app != id);
            self.pusher.retain(|_, app| *app != id);
            self.api_keys.retain(|_, app| *app != id);
        }
        self.keys.extend(
            snapshot
                .app_keys
                .keys()
                .map(|key| (key.clone(), id.clone())),
        );
        self.pusher.extend(
            snapshot
                .pusher_app_id
                .iter()
                .map(|alias| (Arc::from(alias.as_str()), id.clone())),
        );
        self.api_keys.extend(
            snapshot
                .api_keys
                .keys()
                .map(|key| (key.clone(), id.clone())),
        );
        self.apps.insert(id, snapshot);
    }
}
