//! What was read of a file of apps: its text, and the secrets of the files that it names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use fanline_tenancy::SecretText;

use super::refusal::Refusal;

/// One version, as it was read. Two that are equal come to the same apps.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    text: String,
    secrets: BTreeMap<PathBuf, Result<SecretText, String>>,
}

/// The text of the file alone.
pub(super) fn text(path: &Path) -> Result<String, Refusal> {
    fs::read_to_string(path).map_err(|error| Refusal::Unreadable {
        path: path.to_owned(),
        error: error.to_string(),
    })
}

// === impl Contents ===

impl Contents {
    /// A text and the secrets in these files. One that cannot be read is a fault of whoever needs it.
    pub(super) fn read(text: String, secret_files: impl IntoIterator<Item = PathBuf>) -> Self {
        let secret = |path: PathBuf| {
            let read = fs::read_to_string(&path);
            let secret = read
                .map(|text| SecretText::new(text.trim()))
                .map_err(|error| error.to_string());
            (path, secret)
        };
        Self {
            text,
            secrets: secret_files.into_iter().map(secret).collect(),
        }
    }

    /// What now stands where this was read.
    pub(super) fn again(&self, path: &Path) -> Result<Self, Refusal> {
        Ok(Self::read(text(path)?, self.secrets.keys().cloned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The secret in a file, or why there is none.
    pub(super) fn secret(&self, path: &Path) -> Result<&SecretText, &str> {
        match self.secrets.get(path) {
            Some(Ok(secret)) => Ok(secret),
            Some(Err(error)) => Err(error),
            None => Err("it was not read"),
        }
    }
}
