//! What is to be said of this machine: open files, the data directory, and where the apps are kept.

use std::{fs, io, path::Path};

use fanline_model::SystemRandom;

use crate::{
    config::{Config, Store},
    data_dir::{DataDir, DataDirError},
    files,
    keys::Keys,
    wire::{
        self,
        redis::{Finding, Verdict},
    },
};

/// Every connection is a file; with fewer a node is full before its processor is.
const FILES_WORTH_HAVING: u64 = 65_536;

/// What can be said of the data directory.
enum Place {
    /// There is none, and none is needed.
    Unneeded,
    /// The first start makes it.
    Absent,
    /// It is there, and ours as long as we look at it.
    Held(DataDir),
    /// A server runs on it.
    InUse,
}

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = vec![open_files()];
    match Place::of(config) {
        Ok(place) => {
            findings.push(finding("data directory", place.describe(config)));
            findings.push(finding("apps", apps(config, &place).await));
        }
        Err(error) => findings.push(finding(
            "data directory",
            (
                Verdict::Failed,
                error,
                Some("let the server's user own it, or name another one in data_dir"),
            ),
        )),
    }
    findings
}

type Judgement = (Verdict, String, Option<&'static str>);

fn finding(check: &'static str, (verdict, found, advice): Judgement) -> Finding {
    Finding {
        check,
        verdict,
        found,
        servers: Vec::new(),
        advice: advice.map(str::to_owned),
    }
}

fn ok(found: impl Into<String>) -> Judgement {
    (Verdict::Ok, found.into(), None)
}

fn open_files() -> Finding {
    let judgement = match files::most() {
        None => ok("no limit"),
        Some(most) if most >= FILES_WORTH_HAVING => ok(format!("at most {most}")),
        Some(most) => (
            Verdict::Warning,
            format!("at most {most}, and every connection is one"),
            Some("raise the limit (LimitNOFILE of systemd, ulimits of a container, ulimit -Hn)"),
        ),
    };
    finding("open files", judgement)
}

async fn apps(config: &Config, place: &Place) -> Judgement {
    let held = match place {
        Place::Held(held) => Some(held),
        Place::Unneeded | Place::Absent | Place::InUse => None,
    };
    let keys = match (&config.store, held) {
        (Store::Sqlite, None) => {
            return match place {
                Place::InUse => ok("a running server has the store open"),
                _ => ok("no store yet: the first start makes it"),
            };
        }
        (Store::Sqlite, Some(held)) if !held.store().exists() => {
            return ok("no store yet: the first start makes it");
        }
        (Store::Sqlite, Some(held)) if held.keys().exists() => {
            Keys::obtain(config, held, &SystemRandom)
        }
        _ => Keys::given(config).ok_or_else(|| anyhow::anyhow!("the keys are missing")),
    };
    let opened = match keys {
        Ok(keys) => wire::examine_apps(held, &keys, &config.store).await,
        Err(error) => Err(error),
    };
    match (opened, &config.store) {
        (Ok(()), Store::Sqlite) => ok("the store opens"),
        (Ok(()), Store::Static(path)) => ok(format!("{} makes sense", path.display())),
        (Err(error), _) => (
            Verdict::Failed,
            format!("{error:#}"),
            Some("put the data directory, or the file of apps, back from a copy"),
        ),
    }
}

/// Whether a file can be made where the directory will be: nothing else knows of quotas and read-only disks.
fn can_be_made(path: &Path) -> io::Result<()> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let mut there = path;
    while !there.exists() {
        there = match there.parent().ok_or_else(missing)? {
            here if here.as_os_str().is_empty() => Path::new("."),
            parent => parent,
        };
    }
    let probe = there.join(format!(".fanline-doctor-{}", std::process::id()));
    fs::File::create_new(&probe)?;
    fs::remove_file(&probe)
}

// === impl Place ===

impl Place {
    fn of(config: &Config) -> Result<Self, String> {
        let path = &config.data_dir;
        if !config.needs_data_dir() {
            return Ok(Self::Unneeded);
        }
        if !path.exists() {
            let made = can_be_made(path);
            let error = |error| format!("{} cannot be made: {error}", path.display());
            return made.map(|()| Self::Absent).map_err(error);
        }
        match DataDir::open(path) {
            Ok(held) => Ok(Self::Held(held)),
            Err(DataDirError::Locked { .. }) => Ok(Self::InUse),
            Err(error) => Err(error.to_string()),
        }
    }

    fn describe(&self, config: &Config) -> Judgement {
        let path = config.data_dir.display();
        match self {
            Self::Unneeded => ok("not needed: nothing of this node outlives it"),
            Self::Absent => ok(format!("{path} is not there yet: the first start makes it")),
            Self::Held(_) => ok(format!("{path} can be written")),
            Self::InUse => ok(format!("{path} is in use by a running server")),
        }
    }
}
