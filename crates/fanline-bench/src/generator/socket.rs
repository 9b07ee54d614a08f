//! Opening sockets without waiting, from as many source addresses as are needed.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use anyhow::{Context, Result};
use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// One address has about 28,000 ports to offer (`ip_local_port_range`), fewer right after a run
/// that used them (TIME_WAIT).
const CONNECTIONS_PER_SOURCE: usize = 5_000;

/// Starts a connection; a later write tells whether it came about. The `index` chooses the source
/// address, `127.0.0.1` for the first 5,000.
pub(crate) fn open(to: SocketAddr, index: usize) -> Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))
        .context("opening a socket")?;
    socket.set_nonblocking(true)?;
    // Without it Nagle's algorithm would hold back the second small write of a handshake.
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source(to, index) {
        socket
            .bind(&SocketAddr::V4(source).into())
            .with_context(|| format!("binding {source}"))?;
    }
    match socket.connect(&to.into()) {
        Ok(()) => {}
        // EINPROGRESS has no `io::ErrorKind`; std's and mio's own code compare the number.
        Err(error) if is_in_progress(&error) => {}
        Err(error) => return Err(error).with_context(|| format!("connecting to {to}")),
    }
    Ok(TcpStream::from_std(socket.into()))
}

/// Writes what the socket takes now and keeps the rest.
pub(crate) fn write_some(stream: &mut impl Write, unsent: &mut Vec<u8>) -> io::Result<()> {
    while !unsent.is_empty() {
        match stream.write(unsent) {
            Ok(written) => {
                unsent.drain(..written);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // An idle connection keeps no buffer here either.
    *unsent = Vec::new();
    Ok(())
}

fn source(to: SocketAddr, index: usize) -> Option<SocketAddrV4> {
    let host = u8::try_from(index / CONNECTIONS_PER_SOURCE + 1).unwrap_or(u8::MAX);
    let needed = to.ip() == Ipv4Addr::LOCALHOST && host > 1;
    needed.then(|| SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, host), 0))
}

fn is_in_progress(error: &io::Error) -> bool {
    const EINPROGRESS: i32 = 115;
    error.raw_os_error() == Some(EINPROGRESS) || error.kind() == io::ErrorKind::WouldBlock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_connections_than_one_address_has_ports_come_from_several() {
        let to = SocketAddr::from(([127, 0, 0, 1], 80));
        assert_eq!(source(to, 0), None);
        assert_eq!(source(to, 4_999), None);
        let second = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2), 0);
        assert_eq!(source(to, 5_000), Some(second));
    }
}
