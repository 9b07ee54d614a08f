//! The echo server that the Autobahn test suite talks to (`cargo xtask autobahn`).
//!
//! `cargo run -p fanline-edge --example echo -- --listen 127.0.0.1:0` prints the address it is
//! bound to, as a URL, and serves until it is told to stop.

use std::io::{self, Write as _};

use fanline_edge::ws::echo;
use tokio::net::TcpListener;

/// Autobahn's largest message has 16 MiB.
const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

#[tokio::main]
#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own: it has nobody to take a listener and a signal from"
)]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind(listen_address()?).await?;
    let address = listener.local_addr()?;
    writeln!(io::stdout(), "ws://{address}/echo")?;
    echo::serve(listener, MESSAGE_LIMIT, async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
    .await;
    Ok(())
}

fn listen_address() -> io::Result<String> {
    let mut arguments = std::env::args().skip(1);
    match (
        arguments.next().as_deref(),
        arguments.next(),
        arguments.next(),
    ) {
        (None, _, _) => Ok("127.0.0.1:0".to_owned()),
        (Some("--listen"), Some(address), None) => Ok(address),
        _ => Err(io::Error::other("usage: echo [--listen ADDRESS:PORT]")),
    }
}
