//! A directory of apps that somebody else holds ready: a file of the operator's, or a test.

use std::sync::Arc;

use async_trait::async_trait;
use fanline_model::AppId;
use parking_lot::RwLock;

use crate::app::AppSnapshot;
use crate::directory::{AppRef, Directory, DirectoryError};
use crate::index::Index;

/// Apps in memory. They change only by [`StaticDirectory::replace`] and
/// [`StaticDirectory::replace_all`]. It needs no cache in front: it is one.
#[derive(Debug, Default)]
pub struct StaticDirectory(RwLock<Index>);

// === impl StaticDirectory ===

impl StaticDirectory {
    /// A directory of these apps.
    pub fn new(apps: Vec<AppSnapshot>) -> Self {
        let directory = Self::default();
        apps.into_iter().for_each(|app| directory.replace(app));
        directory
    }

    /// Puts this snapshot in place of the app's former one, or adds the app.
    pub fn replace(&self, app: AppSnapshot) {
        self.0.write().put(Arc::new(app));
    }

    /// Puts these apps in place of all former ones, at once, each at a later revision than before.
    ///
    /// An app that is not among them stays as one that is off and has no key: its sessions must hear that
    /// it is gone, and they hear only of a snapshot with another revision.
    pub fn replace_all(&self, apps: Vec<AppSnapshot>) {
        let mut index = self.0.write();
        let gone: Vec<_> = index
            .apps()
            .filter(|held| held.settings.enabled && apps.iter().all(|app| app.id != held.id))
            .map(|held| held.emptied())
            .collect();
        for mut app in gone.into_iter().chain(apps) {
            if let Some(held) = index.app(&app.id) {
                app.revision.app = app.revision.app.max(held.revision.app.saturating_add(1));
            }
            index.put(Arc::new(app));
        }
    }
}

#[async_trait]
impl Directory for StaticDirectory {
    async fn app(&self, by: &AppRef) -> Result<Arc<AppSnapshot>, DirectoryError> {
        self.0
            .read()
            .get(by)
            .cloned()
            .ok_or(DirectoryError::Unknown)
    }

    fn held(&self, app: &AppId) -> Option<Arc<AppSnapshot>> {
        self.0.read().app(app).cloned()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::HashMap;

    use fanline_model::{Limits, TenantId};

    use super::*;
    use crate::app::{AppSettings, Revision, TenantState};
    use crate::{AppKey, RuleTable};

    fn app(id: &str, key: &str, revision: u64) -> AppSnapshot {
        AppSnapshot {
            id: AppId::parse(id).unwrap(),
            pusher_app_id: None,
            revision: Revision {
                tenant: 0,
                app: revision,
            },
            tenant: TenantState {
                id: TenantId::parse("ten_a").unwrap(),
                suspended: false,
            },
            settings: AppSettings {
                name: id.to_owned(),
                enabled: true,
                allowed_origins: Vec::new(),
                client_events: true,
                limits: Limits::default(),
            },
            rules: RuleTable::born(false),
            app_keys: HashMap::from([(Arc::from(key), AppKey::new(key))]),
            api_keys: HashMap::new(),
            signing_keys: HashMap::new(),
        }
    }

    async fn by_key(directory: &StaticDirectory, key: &str) -> Option<String> {
        let found = directory.app(&AppRef::Key(key.into())).await.ok()?;
        Some(found.id.to_string())
    }

    #[tokio::test]
    async fn a_key_may_move_from_one_app_to_another_in_one_change() {
        for order in [["app_a", "app_b"], ["app_b", "app_a"]] {
            let directory =
                StaticDirectory::new(vec![app("app_a", "k1", 7), app("app_b", "k2", 7)]);
            let swapped = order.map(|id| app(id, if id == "app_a" { "k2" } else { "k1" }, 7));
            directory.replace_all(swapped.into());
            assert_eq!(by_key(&directory, "k1").await.unwrap(), "app_b");
            assert_eq!(by_key(&directory, "k2").await.unwrap(), "app_a");
        }
    }

    #[tokio::test]
    async fn every_change_raises_the_revision_also_when_the_clock_went_back() {
        let directory = StaticDirectory::new(vec![app("app_a", "k", 7)]);
        let revision = || {
            directory
                .held(&AppId::parse("app_a").unwrap())
                .unwrap()
                .revision
                .app
        };
        directory.replace_all(vec![app("app_a", "k", 5)]);
        assert_eq!(revision(), 8);
        directory.replace_all(vec![app("app_a", "k", 20)]);
        assert_eq!(revision(), 20);
    }

    #[tokio::test]
    async fn an_app_that_is_gone_is_off_and_its_sessions_can_see_it() {
        let directory = StaticDirectory::new(vec![app("app_a", "k1", 7), app("app_b", "k2", 7)]);
        directory.replace_all(vec![app("app_b", "k2", 9)]);
        assert_eq!(by_key(&directory, "k1").await, None);
        let id = AppId::parse("app_a").unwrap();
        let gone = directory.held(&id).unwrap();
        assert!(!gone.is_serving() && gone.revision.app == 8);
        directory.replace_all(vec![app("app_b", "k2", 10)]);
        assert_eq!(
            directory.held(&id).unwrap().revision.app,
            8,
            "it is gone once"
        );
        directory.replace_all(vec![app("app_a", "k1", 5)]);
        assert!(directory.held(&id).unwrap().is_serving(), "it came back");
        assert_eq!(directory.held(&id).unwrap().revision.app, 9);
    }
}
