//! One HTTP connection, until it ends or becomes a WebSocket.
//!
//! Hyper reads the requests; each goes to the mount of its path. After an upgrade nothing of what is
//! here stays in memory: the engine's session alone has the socket.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use fanline_protocol::HttpBody;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use crate::{door::Door, request};

/// What of a request may be buffered: request line and headers together. It is also how much of a
/// body is read at once.
const BUFFER: usize = 16 * 1024;
/// The most headers a request may have.
const HEADERS: usize = 64;

/// Serves an accepted connection in a task of its own.
pub(crate) fn spawn(door: &Arc<Door>, stream: TcpStream, peer: SocketAddr) {
    if let Err(error) = stream.set_nodelay(true) {
        // The peer is gone already, or nearly so.
        tracing::debug!(%error, "cannot turn Nagle's algorithm off");
    }
    door.connections()
        .spawn(serve(Arc::clone(door), stream, peer));
}

async fn serve(door: Arc<Door>, stream: TcpStream, peer: SocketAddr) {
    let asked = Arc::new(AtomicBool::new(false));
    let service = service_fn(|request: Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        let door = Arc::clone(&door);
        async move { Ok::<Response<HttpBody>, Infallible>(request::answer(&door, request, peer).await) }
    });
    let patience = door.patience();
    let connection = http1::Builder::new()
        // Without a timer the time-out of headers would do nothing.
        .timer(TokioTimer::new())
        .header_read_timeout(patience.next_request)
        .max_buf_size(BUFFER)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();

    let mut connection = pin!(connection);
    let mut first_request = pin!(tokio::time::sleep(patience.first_request));
    let mut waiting = true;
    let mut closing = false;
    loop {
        tokio::select! {
            biased;
            () = door.cutting().cancelled() => return,
            served = &mut connection => {
                if let Err(error) = served {
                    tracing::debug!(%error, %peer, "an HTTP connection failed");
                }
                return;
            }
            () = &mut first_request, if waiting => {
                if !asked.load(Ordering::Relaxed) {
                    return tracing::debug!(%peer, "no request came in time");
                }
                waiting = false;
            }
            () = door.closing().cancelled(), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
