//! Makes again everything that is generated and committed. A test for each refuses drift and names
//! this command.

use std::process::Command;

use anyhow::Result;

use crate::{process, repository::Repository};

/// A program of the workspace that writes committed files.
struct Generator {
    makes: &'static str,
    /// What follows `cargo`.
    arguments: &'static [&'static str],
}

const GENERATORS: &[Generator] = &[
    Generator {
        makes: "openapi/*.json",
        arguments: &[
            "run",
            "--package",
            "fanline-server",
            "--",
            "openapi",
            "--output-dir",
            "openapi",
        ],
    },
    Generator {
        makes: "docs/configuration.md",
        arguments: &[
            "run",
            "--package",
            "fanline-server",
            "--",
            "config",
            "doc",
            "--output-file",
            "docs/configuration.md",
        ],
    },
    Generator {
        makes: "docs/errors.md",
        arguments: &[
            "run",
            "--package",
            "fanline-protocol-native",
            "--example",
            "error_catalogue",
            "--",
            "docs/errors.md",
        ],
    },
    Generator {
        makes: "docs/lab.md",
        arguments: &[
            "run",
            "--package",
            "fanline-lab",
            "--",
            "list",
            "--page",
            "docs/lab.md",
        ],
    },
];

/// Runs every generator, in order.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    for generator in GENERATORS {
        println!("{}", generator.makes);
        process::run(
            Command::new("cargo")
                .args(generator.arguments)
                .current_dir(repository.root()),
        )?;
    }
    Ok(())
}
