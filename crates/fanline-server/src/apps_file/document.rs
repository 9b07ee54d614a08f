//! The shape of the file. An unknown key is an error that names the known ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fanline_store::document::{LimitsDocument, NamespaceSettings};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use toml::Spanned;
use toml::value::Datetime;

use super::refusal::Fault;
use super::secret::Secret;

/// Rows by their name, with the place where each begins.
pub(super) type Rows<T> = BTreeMap<String, Spanned<T>>;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) apps: Rows<App>,
}

/// `[apps.ID]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct App {
    pub(super) name: String,
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    pub(super) preset: Option<Preset>,
    pub(super) pusher_app_id: Option<String>,
    #[serde(default)]
    pub(super) allowed_origins: Vec<String>,
    #[serde(default = "yes")]
    pub(super) client_events: bool,
    #[serde(default, deserialize_with = "as_json")]
    pub(super) limits: LimitsDocument,
    #[serde(default)]
    pub(super) app_keys: Rows<AppKey>,
    #[serde(default)]
    pub(super) api_keys: Rows<ApiKey>,
    #[serde(default)]
    pub(super) signing_keys: Rows<SigningKey>,
    #[serde(default)]
    pub(super) namespaces: Rows<Namespace>,
}

/// Rules that an app is born with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// What Pusher's users expect: channels that are not private are open.
    Pusher,
}

/// `[apps.ID.app_keys.KEY]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AppKey {
    #[serde(default = "yes")]
    pub(super) enabled: bool,
    #[serde(default)]
    pub(super) pusher_secrets: Vec<Secret>,
}

/// `[apps.ID.api_keys.ID]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApiKey {
    pub(super) hash: String,
    #[serde(default = "first")]
    pub(super) hash_key_version: u32,
    pub(super) scopes: Vec<String>,
    #[serde(default = "every_channel")]
    pub(super) patterns: Vec<String>,
    pub(super) expires_at: Option<Datetime>,
}

/// `[apps.ID.signing_keys.KID]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SigningKey {
    pub(super) secret: Secret,
    pub(super) algorithm: Option<String>,
    #[serde(default)]
    pub(super) generated: bool,
    pub(super) created_at: Option<Datetime>,
}

/// `[apps.ID.namespaces."PREFIX"]`
#[derive(Debug)]
pub(super) struct Namespace(pub(super) NamespaceSettings);

// === impl Document ===

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        Ok(toml::from_str(text)?)
    }

    /// Every file that it names.
    pub(super) fn secret_files(&self, apps_file: &Path) -> Vec<PathBuf> {
        let of_app = |app: &Spanned<App>| {
            let app = app.get_ref();
            let pusher = app.app_keys.values();
            let pusher = pusher.flat_map(|key| &key.get_ref().pusher_secrets);
            let signing = app.signing_keys.values().map(|key| &key.get_ref().secret);
            let files = pusher
                .chain(signing)
                .filter_map(|secret| secret.file(apps_file));
            files.collect::<Vec<_>>()
        };
        self.apps.values().flat_map(of_app).collect()
    }
}

// === impl Namespace ===

impl<'de> Deserialize<'de> for Namespace {
    /// The same document as the admin API's, but for one word: TOML has no `null`, so that what keeps
    /// nothing says `false`.
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let mut members = serde_json::Map::deserialize(reader)?;
        for name in ["history", "state"] {
            if let Some(value) = members.get_mut(name).filter(|value| **value == false) {
                *value = serde_json::Value::Null;
            }
        }
        let settings = serde_json::from_value(members.into());
        settings.map(Self).map_err(D::Error::custom)
    }
}

/// A document that is read from JSON elsewhere, with JSON's notion of a number.
fn as_json<'de, D: Deserializer<'de>, T: DeserializeOwned>(reader: D) -> Result<T, D::Error> {
    let value = serde_json::Value::deserialize(reader)?;
    serde_json::from_value(value).map_err(D::Error::custom)
}

const fn yes() -> bool {
    true
}

const fn first() -> u32 {
    1
}

fn every_channel() -> Vec<String> {
    vec!["*".to_owned()]
}
