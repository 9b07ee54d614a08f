//! `fanline apps`.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use fanline_model::{AppId, Clock as _, SystemClock, SystemRandom};

use super::{Output, say};
use crate::{
    apps_file::{self, AppsFile, Made, Preset},
    config::{self, Key},
    keys::Keys,
};

/// The file of apps, for installations whose apps are configuration
#[derive(Debug, Args)]
pub(super) struct Apps {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print an app for the file, and its credentials on standard error: `fanline apps new >> apps.toml`
    New(New),
    /// Check the file that a configuration names, as a start would
    Check {
        /// The configuration; without it, the defaults and the environment
        #[arg(long, env = "FANLINE_CONFIG", value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// What to make
#[derive(Debug, Args)]
struct New {
    /// The app's name, for people
    #[arg(long, default_value = "default")]
    name: String,
    /// New credentials for this app: take the tables that you need out of what is printed
    #[arg(long, value_name = "APP_ID", value_parser = AppId::parse)]
    id: Option<AppId>,
    /// What the app is born with: `pusher` opens the channels that Pusher's users expect to be open
    #[arg(long, value_enum)]
    preset: Option<Preset>,
    /// Where the installation's keys are configured; without it, the environment. What is not there is
    /// made, and printed with the credentials
    #[arg(long, env = "FANLINE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// For whom to write the credentials
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

// === impl Apps ===

impl Apps {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::New(new) => new.run(),
            Command::Check { config } => check(config.as_deref()),
        }
    }
}

// === impl New ===

impl New {
    fn run(self) -> anyhow::Result<()> {
        let config = super::config::load(self.config.as_deref())?;
        let (random, now) = (&SystemRandom, SystemClock.now());
        let missing = |given: &Option<Key>| given.is_none().then(|| Key::generate(random));
        let told = Told {
            master_key: missing(&config.master_key),
            hash_key: missing(&config.hash_key),
        };
        let keys = told
            .keys(config)
            .context("a key was neither given nor made")?;
        let request = apps_file::Request {
            name: self.name,
            id: self.id,
            preset: self.preset,
        };
        let made = apps_file::generate(&request, &keys, random, now)?;
        say(&made.text)?;
        let told = match self.output {
            Output::Text => told.for_people(&made),
            Output::Json => told.for_scripts(&made)?,
        };
        Ok(writeln!(io::stderr(), "{told}")?)
    }
}

/// The installation's keys that were made here. One that was given is nobody's to show.
struct Told {
    master_key: Option<Key>,
    hash_key: Option<Key>,
}

// === impl Told ===

impl Told {
    fn keys(&self, config: config::Config) -> Option<Keys> {
        Some(Keys {
            master: config.master_key.or_else(|| self.master_key.clone())?,
            hash: config.hash_key.or_else(|| self.hash_key.clone())?,
        })
    }

    fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let named = [
            ("master_key", &self.master_key),
            ("hash_key", &self.hash_key),
        ];
        named
            .into_iter()
            .filter_map(|(name, key)| Some((name, key.as_ref()?.expose())))
    }

    fn for_people(&self, made: &Made) -> String {
        let mut text = String::from("Keep these where secrets are kept; they are shown once.\n\n");
        if self.variables().next().is_some() {
            text +=
                "Keys of the installation, the same for every node and every app of the file:\n";
            for (name, key) in self.variables() {
                text += &format!("  FANLINE_SECRETS_{}={key}\n", name.to_ascii_uppercase());
            }
            text.push('\n');
        }
        let made = &made.credentials;
        text + &format!(
            "The app {}:\n  API key              {}\n  signing key, kid     {}\n  signing key, secret  {}\n  \
             Pusher app id        {}\n  app key, Pusher key  {}\n  Pusher secret        {}",
            made.app_id,
            made.api_key,
            made.signing_key.kid,
            made.signing_key.secret,
            made.pusher.app_id,
            made.pusher.key,
            made.pusher.secret,
        )
    }

    fn for_scripts(&self, made: &Made) -> serde_json::Result<String> {
        let mut told = serde_json::to_value(&made.credentials)?;
        for (name, key) in self.variables() {
            told[name] = key.into();
        }
        Ok(told.to_string())
    }
}

fn check(path: Option<&Path>) -> anyhow::Result<()> {
    let config = super::config::load(path)?;
    let config::Store::Static(apps) = &config.store else {
        anyhow::bail!("the apps come from the store: `store.kind` is not `static`");
    };
    let keys = Keys::given(&config).context("the keys of the installation are missing")?;
    let loaded = AppsFile::new(apps, keys.master_key())?.load(SystemClock.now())?;
    let count = loaded.apps.len();
    Ok(say(format_args!(
        "{} is valid: {count} {}.",
        apps.display(),
        if count == 1 { "app" } else { "apps" }
    ))?)
}
