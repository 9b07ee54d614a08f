//! Bringing a changed file into force while the server runs.
//!
//! It is looked at, not notified of: what a mounted volume, a link that is turned over, or a file system of
//! another machine does is told by its contents alone. A change must hold still for one look before it is
//! read, so that a file that is being written takes nobody's app away.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fanline_model::{Clock, Timestamp};
use fanline_tenancy::StaticDirectory;
use tokio::time::{MissedTickBehavior, interval};

use super::contents::Contents;
use super::refusal::Refusal;
use super::{AppsFile, Loaded};

/// Between two looks; a change is in force after two of them.
const LOOK: Duration = Duration::from_millis(400);

/// A file of apps whose present version is in force.
#[derive(Clone)]
pub struct Watch {
    file: AppsFile,
    directory: Arc<StaticDirectory>,
    in_force: Contents,
    /// A change that was seen once.
    changing: Option<Contents>,
    /// What is wrong with the file now, as it was told.
    told: Option<Refusal>,
}

// === impl Watch ===

impl Watch {
    /// Brings the first version into force.
    ///
    /// # Errors
    /// It cannot be read, or makes no sense.
    pub fn begin(file: AppsFile, now: Timestamp) -> Result<Self, Refusal> {
        let Loaded { apps, contents } = file.load(now)?;
        tracing::info!(path = %file.path().display(), apps = apps.len(), "the apps come from this file");
        Ok(Self {
            file,
            directory: Arc::new(StaticDirectory::new(apps)),
            in_force: contents,
            changing: None,
            told: None,
        })
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The apps in force.
    #[must_use]
    pub fn directory(&self) -> Arc<StaticDirectory> {
        self.directory.clone()
    }

    /// Looks at the file again and again; never ends.
    pub async fn run(mut self, clock: Arc<dyn Clock>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let clock = clock.clone();
            // A file system may hang; that must cost no session anything.
            let looking = tokio::task::spawn_blocking(move || {
                self.look(clock.now());
                self
            });
            self = match looking.await {
                Ok(watch) => watch,
                Err(error) => {
                    tracing::error!(%error, "the file of apps is not looked at any more");
                    return;
                }
            };
        }
    }

    /// One look.
    pub(super) fn look(&mut self, now: Timestamp) {
        match self.in_force.again(self.file.path()) {
            Ok(contents) if contents == self.in_force => self.settle(),
            Ok(contents) if self.changing.as_ref() != Some(&contents) => {
                self.changing = Some(contents);
            }
            Ok(_) => self.change(now),
            Err(refusal) => self.tell(refusal),
        }
    }

    fn change(&mut self, now: Timestamp) {
        match self.file.load(now) {
            Ok(Loaded { apps, contents }) => {
                tracing::info!(
                    apps = apps.len(),
                    "a new version of the file of apps is in force"
                );
                self.directory.replace_all(apps);
                self.in_force = contents;
                self.settle();
            }
            Err(refusal) => self.tell(refusal),
        }
    }

    fn settle(&mut self) {
        self.changing = None;
        self.told = None;
    }

    /// Says it once, as long as it stays the same.
    fn tell(&mut self, refusal: Refusal) {
        if self.told.as_ref() != Some(&refusal) {
            tracing::error!(%refusal, "the file of apps stays as it was: its new version is refused");
            self.told = Some(refusal);
        }
    }
}
