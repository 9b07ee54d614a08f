//! Calls a running server as its OpenAPI documents say one may, with everything that is odd, and
//! holds every answer against them.

use std::process::Command;

use anyhow::Result;

use crate::{
    Outcome,
    dev_server::{DevServer, Ready},
    process,
    repository::Repository,
};

/// A document, where it is served and who calls.
struct Document {
    file: &'static str,
    url: fn(&Ready) -> &str,
    credential: fn(&Ready) -> &str,
}

const DOCUMENTS: &[Document] = &[
    Document {
        file: "native.json",
        url: |ready| &ready.url,
        credential: |ready| &ready.api_key,
    },
    Document {
        file: "admin.json",
        url: |ready| &ready.admin_url,
        credential: |ready| &ready.operator_token,
    },
];

/// Runs all checks on each document.
pub(crate) fn run(repository: &Repository) -> Result<Outcome> {
    for document in DOCUMENTS {
        check(repository, document)?;
    }
    Ok(Outcome::Passed)
}

fn check(repository: &Repository, document: &Document) -> Result<()> {
    let path = repository.root().join("openapi").join(document.file);
    anyhow::ensure!(
        path.is_file(),
        "{} is missing: `cargo xtask regen` makes it",
        path.display()
    );
    let mut server = DevServer::start(repository, "schemathesis")?;
    let ready = server.ready().clone();
    process::run(
        Command::new(repository.venv().join("bin/schemathesis"))
            .arg("--config-file")
            .arg(repository.python().join("schemathesis.toml"))
            .arg("run")
            .arg(&path)
            .args(["--url", (document.url)(&ready)])
            .args(["--checks", "all"])
            .current_dir(repository.target())
            .env("FANLINE_TEST_CREDENTIAL", (document.credential)(&ready)),
    )?;
    anyhow::ensure!(
        server.is_alive(),
        "the server did not survive {}",
        document.file
    );
    Ok(())
}
