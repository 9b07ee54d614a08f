//! Free ports of 127.0.0.1 for servers that must find the same port again after a restart.
//!
//! They come from below the range from which the kernel serves outgoing connections (32768 and up on
//! Linux). In that range a client that tries again and again to reach a killed server may be given the
//! very port it is calling as its own: it is then connected to itself, and the server cannot come back.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};

const FIRST: u16 = 10_000;
const COUNT: u16 = 22_000;

/// How many ports this process has tried.
static TRIED: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listens on just now. Another process may take it first: whoever uses it must
/// notice that, and ask for the next one.
pub(super) fn free() -> Result<u16> {
    // Test programs that run at the same time begin far from each other.
    let start = std::process::id().wrapping_mul(7_919);
    (0..COUNT)
        .map(|_| {
            let place = start.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
            FIRST + u16::try_from(place % u32::from(COUNT)).unwrap_or_default()
        })
        .find(|port| is_free(*port))
        .context("no free port on 127.0.0.1")
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing is served: it only asks whether another process could"
)]
fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
