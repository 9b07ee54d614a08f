//! rustfmt and clippy, through rustup.

use std::process::Command;

use anyhow::Result;

use super::{Missing, Tool};
use crate::process;

/// Adds the components to the toolchain in use, if they are not in it.
pub(super) fn install() -> Result<Missing> {
    let present = |component: &str| process::answers("cargo", &[component, "--version"]);
    if present("fmt") && present("clippy") {
        return Ok(Missing::new());
    }
    if !process::answers("rustup", &["--version"]) {
        let reason = "install rustfmt and clippy for this Rust toolchain".to_owned();
        return Ok(Missing::from([(Tool::RustComponents, reason)]));
    }
    println!("installing Rust components: rustfmt clippy");
    process::run(Command::new("rustup").args(["component", "add", "rustfmt", "clippy"]))?;
    Ok(Missing::new())
}
