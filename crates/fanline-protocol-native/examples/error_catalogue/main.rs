//! Prints `docs/errors.md` as the registry of endings has it:
//!
//! ```sh
//! cargo run -p fanline-protocol-native --example error_catalogue > docs/errors.md
//! ```

mod render;

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn main() {
    print!("{}", render::catalogue());
}
