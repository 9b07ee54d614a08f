//! Listening sockets: bound as a server with many clients needs them, and accepted from whatever
//! happens.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{connection, door::Door};

/// Handshakes that the kernel completes ahead of us. With less, a crowd that reconnects at once is
/// sent into TCP's retransmission time-outs of seconds (measured: 5,000 clients, 1.2 s against 0.3).
const BACKLOG: i32 = 4096;
/// How long the accept loop rests when the system has no file descriptor or memory left.
const REST: Duration = Duration::from_millis(100);

/// An address that is ours, at which nobody is let in yet.
///
/// What may fail has failed by then, so that a server can do between the two what must neither be done
/// in vain nor while clients are served.
#[derive(Debug)]
pub struct Bound(Socket);

/// Binds an address. Port 0 lets the system choose one.
///
/// # Errors
/// The address is in use, not ours, or not allowed.
pub fn bind(address: SocketAddr) -> io::Result<Bound> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    // Else a restart waits for the connections of the process before it to time out.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(Bound(socket))
}

/// Accepts connections and serves each through `door`, until `stop`. Then the listener is closed, and
/// what was accepted goes on.
pub async fn accept(listener: TcpListener, door: Arc<Door>, stop: CancellationToken) {
    let mut resting = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                resting = false;
                connection::spawn(&door, stream, peer);
            }
            Err(error) if is_the_peers_fault(&error) => {}
            Err(error) => {
                door.metrics().accept_errors().inc();
                if !resting {
                    tracing::warn!(%error, listener = door.name(), "cannot accept connections; raise the limit of open files");
                }
                resting = true;
                tokio::time::sleep(REST).await;
            }
        }
    }
}

// === impl Bound ===

impl Bound {
    /// The address, with the port that the system chose.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        let address = self.0.local_addr()?.as_socket();
        address.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// Lets clients in.
    ///
    /// # Errors
    /// Somebody else listens there by now.
    pub fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)?;
        TcpListener::from_std(self.0.into())
    }
}

/// The connection was gone before it was accepted: nothing is wrong with us.
fn is_the_peers_fault(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_an_error_and_a_freed_one_is_not() {
        let bound = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = bound.address().unwrap();
        let listener = bound.listen().unwrap();
        let taken = bind(address).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        assert_eq!(bind(address).unwrap().address().unwrap(), address);
    }

    #[tokio::test]
    async fn nobody_is_let_in_before_the_server_listens() {
        let bound = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = bound.address().unwrap();
        let early = tokio::net::TcpStream::connect(address).await;
        assert_eq!(early.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let _listener = bound.listen().unwrap();
        tokio::net::TcpStream::connect(address).await.unwrap();
    }
}
