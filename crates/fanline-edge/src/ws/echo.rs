//! A server that sends back what it receives, on the very code that carries Fanline's frames.
//!
//! It is what the Autobahn test suite talks to. It must never be mounted in a product: it lets
//! anybody in.

use std::{collections::VecDeque, convert::Infallible, io, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming as Body, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Incoming, ReceiveError, WebSocketStream, encoder,
    handshake::{self, PendingSocket},
};

/// How long a client has to complete the closing handshake.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the accept loop rests after an error, which is usually a lack of file descriptors.
const REST: Duration = Duration::from_millis(100);

/// Accepts connections and echoes at `/echo`, messages of up to `limit` bytes, until `shutdown`.
/// Every client has been told to go when it returns.
pub async fn serve(listener: TcpListener, limit: usize, shutdown: impl Future<Output = ()>) {
    let service = Echo {
        limit,
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    service.tasks.spawn(service.clone().connection(stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    tokio::time::sleep(REST).await;
                }
            },
            () = &mut shutdown => break,
        }
    }
    service.stop.cancel();
    service.tasks.close();
    service.tasks.wait().await;
}

/// Echoes over one connection until the client closes it or `stop` is ready.
pub async fn session<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: WebSocketStream<S>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    tokio::pin!(stop);
    let mut queue = VecDeque::new();
    let farewell = loop {
        tokio::select! {
            received = stream.receive() => match received {
                Ok(Incoming::Text(payload)) => queue.push_back(encoder::text(&payload)),
                Ok(Incoming::Binary(payload)) => queue.push_back(encoder::binary(&payload)),
                Ok(Incoming::Ping(_) | Incoming::Pong(_)) => {}
                Ok(Incoming::Close(received)) => break encoder::close_answer(received.as_ref()),
                Err(ReceiveError::Invalid(error)) => {
                    break encoder::close(error.close_code(), &error.to_string());
                }
                Err(ReceiveError::Disconnected) => return Ok(()),
                Err(ReceiveError::Io(error)) => return Err(error),
            },
            () = &mut stop => break encoder::close(1001, "the server stops"),
        }
        tokio::select! {
            sent = stream.send_all(&mut queue) => sent?,
            () = &mut stop => break encoder::close(1001, "the server stops"),
        }
    };
    stream.close(queue, farewell, PATIENCE).await
}

#[derive(Debug, Clone)]
struct Echo {
    limit: usize,
    stop: CancellationToken,
    tasks: TaskTracker,
}

// === impl Echo ===

impl Echo {
    async fn connection(self, stream: TcpStream) {
        let stop = self.stop.clone();
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot turn Nagle's algorithm off");
        }
        let service = service_fn(move |request| {
            let response = self.respond(request);
            async { Ok::<_, Infallible>(response) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::select! {
            served = connection => if let Err(error) = served {
                tracing::debug!(%error, "the HTTP connection failed");
            },
            () = stop.cancelled() => {}
        }
    }

    fn respond(&self, mut request: Request<Body>) -> Response<Full<Bytes>> {
        if request.uri().path() != "/echo" {
            return sentence(StatusCode::NOT_FOUND, "the echo is at /echo");
        }
        match handshake::accept(&mut request, &[]) {
            Ok(accepted) => {
                self.tasks.spawn(self.clone().upgraded(accepted.socket));
                accepted.response.map(|_| Full::default())
            }
            Err(refusal) => {
                let mut response = sentence(refusal.status(), &refusal.to_string());
                response
                    .headers_mut()
                    .extend(refusal.headers().iter().cloned());
                response
            }
        }
    }

    async fn upgraded(self, socket: PendingSocket) {
        let (socket, unread) = match socket.ready().await {
            Ok(ready) => ready,
            Err(error) => return tracing::debug!(%error, "no WebSocket was opened"),
        };
        let stream = WebSocketStream::new(socket, unread, self.limit);
        if let Err(error) = session(stream, self.stop.cancelled()).await {
            tracing::debug!(%error, "a WebSocket ended without a closing handshake");
        }
    }
}

fn sentence(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{text}\n")));
    *response.status_mut() = status;
    response
}
