//! `fanline config`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::json;

use super::{Output, say};
use crate::config;

/// Check a configuration, or see what can be configured
#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a configuration with the environment as it is, and say what is in force
    Check {
        /// The file; without it, the defaults and the environment
        #[arg(long, env = "FANLINE_CONFIG")]
        config: Option<PathBuf>,
        /// For whom to write
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Print the reference: every key with its default, ready to be edited
    Defaults,
    /// Print the reference as a page of Markdown
    Doc {
        /// Write it into this file instead
        #[arg(long)]
        output_file: Option<PathBuf>,
    },
}

// === impl Config ===

impl Config {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Check { config, output } => check(config.as_deref(), output),
            Command::Defaults => Ok(say(config::DEFAULTS.trim_end())?),
            Command::Doc { output_file: None } => Ok(say(config::markdown().trim_end())?),
            Command::Doc {
                output_file: Some(path),
            } => std::fs::write(&path, config::markdown())
                .with_context(|| format!("cannot write {}", path.display())),
        }
    }
}

/// Reads a file of configuration, with the environment laid over it.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment for the configuration"
)]
pub(super) fn load(path: Option<&Path>) -> anyhow::Result<config::Config> {
    let text = match path {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the configuration {}", path.display()))?,
        ),
        None => None,
    };
    let loaded = config::load(text.as_deref(), &|name| std::env::var(name).ok());
    match path {
        Some(path) => loaded.with_context(|| path.display().to_string()),
        None => Ok(loaded?),
    }
}

fn check(path: Option<&Path>, output: Output) -> anyhow::Result<()> {
    let config = load(path)?;
    let listen = config.listen;
    match output {
        Output::Text => say(format_args!(
            "The configuration is valid: public {}, admin {}, ops {}, data in {}.",
            listen.public,
            listen.admin,
            listen.ops,
            config.data_dir.display()
        ))?,
        Output::Json => say(json!({
            "valid": true,
            "public": listen.public,
            "admin": listen.admin,
            "ops": listen.ops,
            "data_dir": config.data_dir,
        }))?,
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_documentation_is_what_the_reference_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == config::markdown(),
            "docs/configuration.md is not what `fanline config doc` prints: run `cargo xtask regen`"
        );
    }

    #[test]
    fn a_file_with_a_mistake_is_named_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fanline.toml");
        std::fs::write(&path, "[public]\nport = 80\n").unwrap();
        let sentence = format!("{:#}", load(Some(&path)).unwrap_err());
        assert!(
            sentence.contains("fanline.toml") && sentence.contains("public.port"),
            "{sentence}"
        );
    }
}
