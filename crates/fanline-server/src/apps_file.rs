//! The file of apps, `[store] kind = "static"`: an installation whose apps and keys are configuration.
//!
//! One TOML file, which every node of the installation reads and nobody writes. It may lie in a repository:
//! API keys are in it as keyed hashes, and what must be readable again is sealed under the master key or
//! named by the path of a file. A version that cannot be read, or that makes no sense, never comes into
//! force: the first one refuses the start, a later one leaves the former in force and is told once.

mod admin;
mod check;
mod contents;
mod date;
mod document;
mod generate;
mod refusal;
mod secret;
mod watch;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use fanline_model::{TenantId, Timestamp};
use fanline_tenancy::{AppSnapshot, MasterKey};

use contents::Contents;
use document::Document;

pub use admin::admin_api;
pub use document::Preset;
pub use generate::{Credentials, Made, Request, generate};
pub use refusal::Refusal;
pub use watch::Watch;

/// The one tenant of such an installation: all apps are the operator's own. It is part of what a sealed
/// secret is bound to, and so must stay.
const TENANT: &str = "ten_installation";

/// A file of apps, and what opens its secrets.
#[derive(Clone, Debug)]
pub struct AppsFile {
    path: PathBuf,
    master: MasterKey,
    tenant: TenantId,
}

/// A version of the file that may come into force.
pub struct Loaded {
    /// Its apps.
    pub apps: Vec<AppSnapshot>,
    contents: Contents,
}

// === impl AppsFile ===

impl AppsFile {
    /// The file at a path.
    ///
    /// # Errors
    /// Never, as long as the tenant's id is one.
    pub fn new(path: &Path, master: MasterKey) -> anyhow::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            master,
            tenant: TenantId::parse(TENANT).context("the tenant of a file of apps")?,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it, and every file that it names. The apps get `now` as their revision.
    ///
    /// # Errors
    /// It cannot be read, or makes no sense; the sentence says where and what to do.
    pub fn load(&self, now: Timestamp) -> Result<Loaded, Refusal> {
        let text = contents::text(&self.path)?;
        let document = Document::parse(&text).map_err(|fault| fault.of(&self.path, &text))?;
        let contents = Contents::read(text, document.secret_files(&self.path));
        let apps = check::Check::new(self, &contents, now).apps(&document);
        let apps = apps.map_err(|fault| fault.of(&self.path, contents.as_str()))?;
        Ok(Loaded { apps, contents })
    }
}
