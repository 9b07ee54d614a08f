//! Secrets that must be readable again. They never stand in the file in clear.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanline_model::{AppId, Random, TenantId};
use fanline_tenancy::{MasterKey, Place, SecretText, Unsealable};
use serde::de::{Deserialize, Deserializer, Error as _};

use super::contents::Contents;

/// What signing keys are sealed for. A blob of the store opens nowhere here.
pub(super) const SIGNING_KEY: &str = "signing key of a file of apps";
/// What Pusher secrets are sealed for.
pub(super) const PUSHER_SECRET: &str = "pusher secret of a file of apps";

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    /// Here, under the master key, in base64.
    Sealed(String),
    /// Alone in a file; a relative path begins where the file of apps lies.
    File(PathBuf),
}

/// Seals a secret for its place in a file.
pub(super) fn seal(
    master: &MasterKey,
    place: Place<'_>,
    secret: &SecretText,
    random: &dyn Random,
) -> Result<String, Unsealable> {
    let blob = master.seal(place, secret.expose().as_bytes(), random)?;
    Ok(STANDARD.encode(blob))
}

/// The place of a row of an app.
pub(super) fn place<'a>(
    purpose: &'static str,
    tenant: &'a TenantId,
    app: &'a AppId,
    row: &'a str,
) -> Place<'a> {
    Place {
        purpose,
        tenant,
        app,
        row,
    }
}

// === impl Secret ===

impl Secret {
    /// The file that holds it, if one does.
    pub(super) fn file(&self, apps_file: &Path) -> Option<PathBuf> {
        match self {
            Self::Sealed(_) => None,
            Self::File(path) => Some(beside(apps_file, path)),
        }
    }

    /// The secret itself, or what to do about it. An empty one, as a file that was not written yet, is none: whatever
    /// is signed with it is signed by anybody.
    pub(super) fn open(
        &self,
        apps_file: &Path,
        contents: &Contents,
        master: &MasterKey,
        place: Place<'_>,
    ) -> Result<SecretText, String> {
        let secret = match self {
            Self::Sealed(text) => unseal(text, master, place).ok_or_else(|| {
                "this sealed secret cannot be opened: it belongs to another app, key or master key; seal \
                 it again with `fanline apps new`, or name a file, { file = \"…\" }"
                    .to_owned()
            }),
            Self::File(path) => {
                let path = beside(apps_file, path);
                let found = contents.secret(&path).cloned();
                found.map_err(|error| {
                    let path = path.display();
                    format!("the secret in {path} cannot be read: {error}")
                })
            }
        }?;
        if secret.expose().is_empty() {
            return Err(
                "this secret is empty: write one of at least 16 random characters".to_owned(),
            );
        }
        Ok(secret)
    }
}

impl<'de> Deserialize<'de> for Secret {
    /// By way of a table, so that no refusal repeats a secret that somebody wrote in clear.
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let expected = || {
            D::Error::custom(
                "a secret is { file = \"its path\" } or { sealed = \"…\" }, and never stands here in clear",
            )
        };
        let toml::Value::Table(table) = toml::Value::deserialize(reader)? else {
            return Err(expected());
        };
        let mut members = table.into_iter();
        match (members.next(), members.next()) {
            (Some((key, toml::Value::String(text))), None) => match key.as_str() {
                "file" => Ok(Self::File(text.into())),
                "sealed" => Ok(Self::Sealed(text)),
                _ => Err(expected()),
            },
            _ => Err(expected()),
        }
    }
}

fn beside(apps_file: &Path, path: &Path) -> PathBuf {
    apps_file
        .parent()
        .map_or_else(|| path.to_owned(), |directory| directory.join(path))
}

fn unseal(text: &str, master: &MasterKey, place: Place<'_>) -> Option<SecretText> {
    let blob = STANDARD.decode(text).ok()?;
    let bytes = master.open(place, &blob).ok()?;
    std::str::from_utf8(bytes.expose())
        .ok()
        .map(SecretText::new)
}
