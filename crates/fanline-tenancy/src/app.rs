//! The snapshot of an app: everything the edge needs of it, at one revision.

use std::collections::HashMap;
use std::sync::Arc;

use fanline_model::{AppId, KeyId, Limits, TenantId};

use crate::rule::RuleTable;

/// Which state of the store a snapshot shows: the revisions of tenant and app (TENANCY 11).
///
/// Whether to load again is decided by inequality, never by order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// Of the tenant's row.
    pub tenant: u64,
    /// Of the app's row.
    pub app: u64,
}

/// The tenant of an app, as far as the edge cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantState {
    /// Its id.
    pub id: TenantId,
    /// Whether every app of it is off.
    pub suspended: bool,
}

/// What an app's owner can switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSettings {
    /// A name for people.
    pub name: String,
    /// Whether the app serves anybody.
    pub enabled: bool,
    /// Origins whose pages may connect; empty admits every origin.
    pub allowed_origins: Vec<String>,
    /// Whether Pusher clients may send client events.
    pub client_events: bool,
    /// What the app may cost.
    pub limits: Limits,
}

/// Everything the edge needs of one app, immutable; a change makes a new one.
#[derive(Debug)]
pub struct AppSnapshot {
    /// The app.
    pub id: AppId,
    /// Its id for Pusher's HTTP API (digits), an alias.
    pub pusher_app_id: Option<String>,
    /// The state of the store it shows.
    pub revision: Revision,
    /// Its tenant.
    pub tenant: TenantState,
    /// Its switches and limits.
    pub settings: AppSettings,
    /// Its namespaces.
    pub rules: RuleTable,
    /// Its public keys, some with Pusher secrets.
    pub app_keys: HashMap<Arc<str>, crate::AppKey>,
    /// Its API keys.
    pub api_keys: HashMap<KeyId, crate::ApiKey>,
    /// Its signing keys.
    pub signing_keys: HashMap<KeyId, crate::SigningKey>,
}

// === impl AppSnapshot ===

impl AppSnapshot {
    /// Whether the app serves anybody now.
    pub fn is_serving(&self) -> bool {
        self.settings.enabled && !self.tenant.suspended
    }

    /// The app as it is left when nobody keeps it any more: off, with no key and no alias.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            id: self.id.clone(),
            pusher_app_id: None,
            revision: self.revision,
            tenant: self.tenant.clone(),
            settings: AppSettings {
                enabled: false,
                ..self.settings.clone()
            },
            rules: self.rules.clone(),
            app_keys: HashMap::new(),
            api_keys: HashMap::new(),
            signing_keys: HashMap::new(),
        }
    }

    /// Whether a page of this origin may connect. No origin (a server, a phone) always may.
    pub fn admits_origin(&self, origin: Option<&str>) -> bool {
        let allowed = &self.settings.allowed_origins;
        match origin {
            None => true,
            Some(origin) => {
                allowed.is_empty() || allowed.iter().any(|one| one.eq_ignore_ascii_case(origin))
            }
        }
    }
}
