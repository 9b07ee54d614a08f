//! The three listeners: bound first, so that what may fail fails early, and opened last.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use anyhow::anyhow;
use fanline_edge::listener::{self, Bound};
use tokio::net::TcpListener;

use crate::config::Listen;

/// What a person changes to move each listener: public, admin, ops.
pub type Names = [&'static str; 3];

/// The three listeners, at which nobody is let in yet.
pub(super) struct Listeners {
    bound: [Bound; 3],
    names: Names,
    addresses: [SocketAddr; 3],
}

// === impl Listeners ===

impl Listeners {
    /// Binds all of them.
    pub(super) fn bind(listen: Listen, names: Names) -> anyhow::Result<Self> {
        let bind = |address, name| {
            listener::bind(address).map_err(|error| sentence(address, name, &error))
        };
        let bound = [
            bind(listen.public, names[0])?,
            bind(listen.admin, names[1])?,
            bind(listen.ops, names[2])?,
        ];
        let addresses = [
            bound[0].address()?,
            bound[1].address()?,
            bound[2].address()?,
        ];
        Ok(Self {
            bound,
            names,
            addresses,
        })
    }

    /// The URLs by which a client of this machine reaches them.
    pub(super) fn urls(&self) -> [String; 3] {
        self.addresses
            .map(|address| format!("http://{}", reachable(address)))
    }

    /// Lets clients in.
    pub(super) fn listen(self) -> anyhow::Result<[TcpListener; 3]> {
        let [public, admin, ops] = self.bound;
        let listen = |bound: Bound, at: usize| {
            let listener = bound.listen();
            listener.map_err(|error| sentence(self.addresses[at], self.names[at], &error))
        };
        Ok([listen(public, 0)?, listen(admin, 1)?, listen(ops, 2)?])
    }
}

/// What a person can do about an address.
fn sentence(address: SocketAddr, name: &str, error: &io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => anyhow!(
            "{name}: {address} is taken by another process; choose another port there, or port 0 \
             for any free one"
        ),
        io::ErrorKind::PermissionDenied => anyhow!(
            "{name}: this user may not listen on port {}; choose one above 1023 there",
            address.port()
        ),
        io::ErrorKind::AddrNotAvailable => anyhow!(
            "{name}: {} is no address of this machine; choose another there",
            address.ip()
        ),
        _ => anyhow!("{name}: cannot listen on {address}: {error}"),
    }
}

/// An address that a client of this machine can use: the unspecified one is none.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_every_address_is_one_of_this_machine() {
        for (address, url) in [
            ("0.0.0.0:7300", "127.0.0.1:7300"),
            ("[::]:7300", "[::1]:7300"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(reachable(address.parse().unwrap()).to_string(), url);
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_names_what_to_change() {
        let address = "192.0.2.1:80".parse().unwrap();
        for (kind, hint) in [
            (io::ErrorKind::AddrInUse, "taken by another process"),
            (io::ErrorKind::PermissionDenied, "above 1023"),
            (
                io::ErrorKind::AddrNotAvailable,
                "no address of this machine",
            ),
            (io::ErrorKind::Other, "cannot listen"),
        ] {
            let sentence = sentence(address, "--listen", &kind.into()).to_string();
            assert!(
                sentence.starts_with("--listen: ") && sentence.contains(hint),
                "{sentence}"
            );
        }
    }
}
