//! Writes the registry of endings as a page:
//!
//! ```sh
//! cargo run -p fanline-protocol-native --example error_catalogue -- docs/errors.md
//! ```

mod render;

use std::io;

fn main() -> io::Result<()> {
    match std::env::args_os().nth(1) {
        Some(path) => std::fs::write(path, render::catalogue()),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "name the file to write: docs/errors.md",
        )),
    }
}
