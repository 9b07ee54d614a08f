//! One HTTP request: to a service, or the handshake of a WebSocket.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use fanline_model::ErrorCode;
use fanline_protocol::{BoxError, HttpBody, HttpService, Open, Transport, empty_body};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};
use tower::ServiceExt as _;

use crate::{
    door::Door,
    link::WebSocketLink,
    mount::{Place, SocketMount},
    problem::{no_handshake, problem},
    sessions::Sessions,
    ws::{WebSocketStream, handshake},
};

/// The largest frame that a link takes before the engine has said otherwise.
const FIRST_FRAME: usize = 16 * 1024;

/// Who sent a request: an extension of every request that a service gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

pub(crate) async fn answer(
    door: &Door,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<HttpBody> {
    let begun = Instant::now();
    let path = request.uri().path().to_owned();
    let response = match (door.mounts().place(&path), door.sessions()) {
        (Place::Service(service), _) => call(door, service, request, peer).await,
        (Place::Socket(mount, beyond), Some(sessions)) => {
            open(door, sessions, mount, beyond, request, peer)
        }
        (Place::Socket(..), None) | (Place::Nowhere, _) => problem(
            ErrorCode::NotFound,
            "Nothing is served at this path; the documentation lists what is.",
        ),
    };
    let status = response.status().as_u16();
    door.metrics()
        .answered(door.name(), status, begun.elapsed());
    response
}

/// Calls a service, within the door's patience.
async fn call(
    door: &Door,
    service: &HttpService,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<HttpBody> {
    let arrived = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    let mut request = request.map(|inner| {
        let arrived = Arc::clone(&arrived);
        Arriving { inner, arrived }.boxed_unsync()
    });
    request.extensions_mut().insert(Peer(peer));
    match timeout(door.patience().request, ask(service, request)).await {
        Ok(Ok(response)) => response,
        Err(_) if arrived.load(Ordering::Relaxed) => problem(
            ErrorCode::Unavailable,
            "The request was not answered in time; try it again.",
        ),
        Err(_) => problem(
            ErrorCode::RequestTimeout,
            "The body did not arrive in time; send it whole and at once.",
        ),
    }
}

/// The call of a service, as one type that says that it may move between threads.
fn ask(
    service: &HttpService,
    request: Request<HttpBody>,
) -> Pin<Box<dyn Future<Output = Result<Response<HttpBody>, Infallible>> + Send>> {
    Box::pin(service.clone().oneshot(request))
}

/// Answers the handshake of a WebSocket; the session begins once hyper lets go of the socket.
fn open(
    door: &Door,
    sessions: &Sessions,
    mount: &SocketMount,
    beyond: &str,
    mut request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<HttpBody> {
    if !mount.carries(Transport::WebSocket) {
        return problem(
            ErrorCode::NotFound,
            "No WebSocket opens at this path; the documentation lists where.",
        );
    }
    let protocol = mount.protocol();
    let accepted = match handshake::accept(&mut request, protocol.subprotocols()) {
        Ok(accepted) => accepted,
        Err(refusal) => return no_handshake(refusal),
    };
    let open = Open {
        transport: Transport::WebSocket,
        path: beyond.to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: std::mem::take(request.headers_mut()),
        peer: peer.ip().to_canonical(),
        secure: false,
    };
    door.metrics().opened(protocol.name(), "websocket");
    let (sessions, protocol, socket) = (sessions.clone(), Arc::clone(protocol), accepted.socket);
    // A short task that waits for hyper, so that the session's own holds nothing of it.
    tokio::spawn(async move {
        match socket.ready().await {
            Ok((socket, unread)) => {
                let stream = WebSocketStream::new(socket, unread, FIRST_FRAME);
                let link = Box::new(WebSocketLink::new(stream));
                sessions.spawn(protocol, &open, link);
            }
            Err(error) => tracing::debug!(%error, %peer, "no WebSocket was opened"),
        }
    });
    accepted.response.map(|_| empty_body())
}

/// A request's body that says when it has wholly arrived.
struct Arriving {
    inner: Incoming,
    arrived: Arc<AtomicBool>,
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if frame.is_none() || self.inner.is_end_stream() {
            self.arrived.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
