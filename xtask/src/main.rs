//! `cargo xtask …`: what a contributor runs beside `cargo` itself.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command for people: its output is what it is for"
)]

mod autobahn;
mod outcome;

pub(crate) use outcome::Outcome;

fn main() -> anyhow::Result<()> {
    println!("{:?}", autobahn::run(false, false)?);
    eprintln!();
    Ok(())
}
