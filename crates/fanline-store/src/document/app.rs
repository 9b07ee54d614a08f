//! An app as JSON, and what may be changed of it.

use fanline_tenancy::AppSnapshot;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::limits::LimitsDocument;
use super::object::object_or_null;
use crate::error::StoreError;

/// An app: an isolated world of channels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppDocument {
    /// Its id: random, never given, never reused.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant_id: String,
    /// Its alias for Pusher's HTTP API.
    pub pusher_app_id: Option<String>,
    /// A name for people.
    pub name: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Whether it serves now: it is on and its tenant is not suspended.
    pub serving: bool,
    /// Origins whose pages may connect; empty admits every origin.
    pub allowed_origins: Vec<String>,
    /// Whether Pusher clients may send client events.
    pub client_events: bool,
    /// Every limit in force.
    pub limits: LimitsDocument,
    /// The public keys by which clients name it.
    pub app_keys: Vec<AppKeyDocument>,
    /// Raised by every change; in milliseconds at least.
    pub revision: u64,
}

/// A public key of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AppKeyDocument {
    /// The key.
    pub key: String,
    /// Whether clients may still name it.
    pub enabled: bool,
    /// Whether it is a Pusher key too: it has a secret.
    pub pusher: bool,
}

/// What is to change; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AppPatch {
    /// A name for people.
    #[schema(min_length = 1, max_length = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the app serves anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The whole list of origins whose pages may connect, each `scheme://host[:port]`; empty admits every
    /// origin.
    #[schema(max_items = 100, value_type = Option<Vec<Origin>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_origins: Option<Vec<String>>,
    /// Whether Pusher clients may send client events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_events: Option<bool>,
    /// All limits that differ from the defaults: what is not in it goes back to its default.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "object_or_null"
    )]
    pub limits: Option<LimitsDocument>,
}

/// An origin as browsers send it.
#[derive(ToSchema)]
#[schema(
    value_type = String,
    max_length = 256,
    pattern = "^[a-z][a-z0-9+.-]*://([A-Za-z0-9._-]+|\\[[0-9a-f:]+\\])(:([0-9]{1,4}|[1-5][0-9]{4}))?$",
    examples("https://shop.example")
)]
#[expect(dead_code, reason = "the schema of an entry, which is a text")]
struct Origin(String);

// === impl AppDocument ===

impl AppDocument {
    /// The document of a snapshot. It holds no secret, and nothing that a secret could be tried on.
    pub fn of(app: &AppSnapshot) -> Self {
        let mut app_keys: Vec<_> = app
            .app_keys
            .values()
            .map(|key| AppKeyDocument {
                key: key.key.to_string(),
                enabled: key.enabled,
                pusher: !key.pusher_secrets.is_empty(),
            })
            .collect();
        app_keys.sort_by(|a, b| a.key.cmp(&b.key));
        Self {
            id: app.id.to_string(),
            tenant_id: app.tenant.id.to_string(),
            pusher_app_id: app.pusher_app_id.clone(),
            name: app.settings.name.clone(),
            enabled: app.settings.enabled,
            serving: app.is_serving(),
            allowed_origins: app.settings.allowed_origins.clone(),
            client_events: app.settings.client_events,
            limits: LimitsDocument::of(&app.settings.limits),
            app_keys,
            revision: app.revision.app,
        }
    }
}

// === impl AppPatch ===

impl AppPatch {
    /// Whether every value can be.
    pub fn check(&self) -> Result<(), StoreError> {
        if let Some(name) = &self.name {
            let length = name.chars().count();
            if !(1..=100).contains(&length) {
                return Err(StoreError::Invalid(
                    "name has 1 to 100 characters".to_owned(),
                ));
            }
        }
        let origins = self.allowed_origins.as_deref().unwrap_or_default();
        if origins.len() > 100 {
            return Err(StoreError::Invalid(
                "allowed_origins has at most 100 entries".to_owned(),
            ));
        }
        if let Some(bad) = origins.iter().find(|origin| !is_origin(origin)) {
            return Err(StoreError::Invalid(format!(
                "allowed_origins: {bad:?} is no origin; write scheme://host or scheme://host:port, without path"
            )));
        }
        self.limits.as_ref().map_or(Ok(()), LimitsDocument::check)
    }
}

/// `scheme://host[:port]` as browsers send it (RFC 6454, 6.2); nothing else could ever match.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.')
        });
    // An IPv6 address stands in brackets; its colons are no port.
    let (host, port) = match authority.rfind(']') {
        Some(end) => authority.split_at(end + 1),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let host_ok = !host.is_empty()
        && host.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'[' | b']' | b':')
        });
    let port_ok = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok());
    text.len() <= 256 && scheme_ok && host_ok && port_ok
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        for good in [
            "https://a.example",
            "http://localhost:3000",
            "http://[::1]:80",
            "app://x",
            "http://[::1]",
        ] {
            assert!(is_origin(good), "{good}");
        }
        let long = format!("https://{}", "a".repeat(300));
        for bad in [
            "",
            "*",
            "null",
            "a.example",
            "https://",
            "https://a/",
            "https://a:x",
            "https://a b",
            "Https://a",
            &long,
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn a_patch_says_what_is_wrong_with_it() {
        let refused = |json: &str| {
            serde_json::from_str::<AppPatch>(json)
                .unwrap()
                .check()
                .unwrap_err()
                .to_string()
        };
        assert!(refused(r#"{"name": ""}"#).contains("name"));
        assert!(refused(r#"{"allowed_origins": ["https://a", "b"]}"#).contains("\"b\""));
        assert!(
            refused(r#"{"limits": {"channels_per_connection": 0}}"#)
                .contains("channels_per_connection")
        );
        assert!(
            serde_json::from_str::<AppPatch>(r#"{"limit": {}}"#)
                .unwrap_err()
                .to_string()
                .contains("limit")
        );
        assert!(AppPatch::default().check().is_ok());
    }
}
