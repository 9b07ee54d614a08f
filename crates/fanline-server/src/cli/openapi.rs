//! `fanline openapi`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::say;
use crate::wire;

/// Print the OpenAPI documents of the HTTP APIs
#[derive(Debug, Args)]
pub(super) struct Openapi {
    /// Which document to print
    #[arg(value_parser = wire::documents().map(|document| document.name))]
    #[arg(required_unless_present = "output_dir")]
    name: Option<String>,
    /// Write all of them into this directory, as NAME.json
    #[arg(long, conflicts_with = "name")]
    output_dir: Option<PathBuf>,
}

// === impl Openapi ===

impl Openapi {
    pub(super) fn run(self) -> anyhow::Result<()> {
        if let Some(directory) = self.output_dir {
            return write_all(&directory);
        }
        let asked = self.name.unwrap_or_default();
        let documents = wire::documents();
        let found = documents.iter().find(|document| document.name == asked);
        let document = found.context("there is no document by that name")?;
        Ok(say(document.text()?.trim_end())?)
    }
}

fn write_all(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)?;
    for document in wire::documents() {
        let path = directory.join(format!("{}.json", document.name));
        std::fs::write(&path, document.text()?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_committed_documents_are_what_the_routes_say() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi");
        for document in wire::documents() {
            let path = folder.join(format!("{}.json", document.name));
            let committed = std::fs::read_to_string(path).unwrap_or_default();
            assert!(
                committed == document.text().unwrap(),
                "openapi/{}.json is not what the routes say: run `cargo xtask regen`",
                document.name
            );
        }
    }
}
