//! A WebSocket as the engine's [`Link`].
//!
//! While the connection is idle it is the socket and a few words beside it: no buffer, no timer, no
//! queue. What is sent was framed once for all connections; the slices of one batch are gathered in
//! memory that the thread's connections share.

use std::{
    cell::Cell,
    collections::VecDeque,
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use fanline_engine::{Link, Received};
use fanline_protocol::{CloseFrame, Frame, Outgoing};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::ws::{Incoming, ReceiveError, Socket, WebSocketStream, encoder};

/// How many frames are gathered for one `writev`.
const BATCH: usize = 64;
/// How many bytes, beyond which no further frame is gathered: a frame of this link alone is framed
/// again when a full socket did not take it.
const BATCH_BYTES: usize = 128 * 1024;
/// How long the closing handshake may take if the caller does not bound it.
const PATIENCE: Duration = Duration::from_secs(10);

thread_local! {
    /// The slices of the batch that is being written, for the length of one poll.
    static SLICES: Cell<VecDeque<Bytes>> = const { Cell::new(VecDeque::new()) };
}

/// One client's WebSocket.
#[derive(Debug)]
pub struct WebSocketLink<S = Socket> {
    line: Line<S>,
    /// The rest of a frame that a full socket cut; it goes before anything else.
    cut: Bytes,
}

enum Line<S> {
    Open(WebSocketStream<S>),
    Closing(Pin<Box<dyn Future<Output = io::Result<()>> + Send>>),
    Gone,
}

// === impl WebSocketLink ===

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> WebSocketLink<S> {
    /// The link over a stream whose handshake is done.
    #[must_use]
    pub const fn new(stream: WebSocketStream<S>) -> Self {
        Self {
            line: Line::Open(stream),
            cut: Bytes::new(),
        }
    }

    /// Sends what is owed to the client by the transport itself: pongs, and before them the rest of
    /// a frame that was begun.
    fn poll_owed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx, &mut VecDeque::new())
    }

    /// Answers the client's close frame, as far as the socket takes it at once: a client that says
    /// goodbye and does not read is owed nothing more.
    fn answer_close(&mut self, cx: &mut Context<'_>, answer: Bytes) {
        if let Line::Open(stream) = &mut self.line
            && !stream.is_inside_frame()
        {
            let mut queue = VecDeque::from([answer]);
            // Pongs may stand before it in the first call.
            while !queue.is_empty()
                && matches!(stream.poll_send(cx, &mut queue), Poll::Ready(Ok(_)))
            {}
        }
        self.line = Line::Gone;
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Link for WebSocketLink<S> {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        let Line::Open(stream) = &mut self.line else {
            return Poll::Ready(Received::Closed);
        };
        if !stream.is_flushed() {
            match self.poll_owed(cx) {
                Poll::Ready(Err(_)) => return Poll::Ready(Received::Lost),
                // Whoever is woken by the socket, it is this task.
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        let Line::Open(stream) = &mut self.line else {
            return Poll::Ready(Received::Closed);
        };
        let received = match ready!(stream.poll_receive(cx)) {
            Ok(Incoming::Text(bytes)) => Received::Frame(Frame::Text(bytes)),
            Ok(Incoming::Binary(bytes)) => Received::Frame(Frame::Binary(bytes)),
            Ok(Incoming::Pong(_)) => Received::Alive,
            Ok(Incoming::Ping(_)) => match self.poll_owed(cx) {
                Poll::Ready(Err(_)) => Received::Lost,
                Poll::Ready(Ok(())) | Poll::Pending => Received::Alive,
            },
            Ok(Incoming::Close(close)) => {
                self.answer_close(cx, encoder::close_answer(close.as_ref()));
                Received::Closed
            }
            Err(ReceiveError::Invalid(error)) => Received::Violation(CloseFrame {
                code: error.close_code(),
                reason: error.to_string(),
            }),
            Err(ReceiveError::Disconnected | ReceiveError::Io(_)) => Received::Lost,
        };
        Poll::Ready(received)
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        queue: &mut VecDeque<Outgoing>,
    ) -> Poll<io::Result<()>> {
        let Self { line, cut } = self;
        let Line::Open(stream) = line else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let mut batch = Batch::borrow();
        loop {
            batch.gather(cut, queue);
            let gathered = batch.0.len();
            let sent = stream.poll_send(cx, &mut batch.0);
            batch.settle(gathered, stream.is_inside_frame(), cut, queue);
            ready!(sent)?;
            if cut.is_empty() && queue.is_empty() && stream.is_flushed() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>, close: &CloseFrame) -> Poll<()> {
        loop {
            match &mut self.line {
                Line::Gone => return Poll::Ready(()),
                Line::Closing(closing) => {
                    // The line is gone either way, and how it went is of no use to anybody.
                    let _ = ready!(closing.as_mut().poll(cx));
                    self.line = Line::Gone;
                }
                Line::Open(_) => {
                    let farewell = encoder::close(close.code, &close.reason);
                    let Line::Open(stream) = std::mem::replace(&mut self.line, Line::Gone) else {
                        return Poll::Ready(());
                    };
                    let cut = std::mem::take(&mut self.cut);
                    let queue = Some(cut)
                        .filter(|cut| !cut.is_empty())
                        .into_iter()
                        .collect();
                    let closing = stream.close(queue, farewell, PATIENCE);
                    self.line = Line::Closing(Box::pin(closing));
                }
            }
        }
    }

    fn set_frame_limit(&mut self, bytes: usize) {
        if let Line::Open(stream) = &mut self.line {
            stream.set_limit(bytes);
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Line<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(stream) => stream.fmt(f),
            Self::Closing(_) => f.write_str("Closing"),
            Self::Gone => f.write_str("Gone"),
        }
    }
}

/// The thread's slices, put back when dropped.
struct Batch(VecDeque<Bytes>);

impl Batch {
    fn borrow() -> Self {
        Self(SLICES.take())
    }

    /// Gathers the rest of a cut frame and the front of the queue, framed.
    fn gather(&mut self, cut: &Bytes, queue: &VecDeque<Outgoing>) {
        self.0.clear();
        let mut bytes = cut.len();
        if !cut.is_empty() {
            self.0.push_back(cut.clone());
        }
        for outgoing in queue.iter().take(BATCH - self.0.len()) {
            let frame = framed(outgoing);
            bytes += frame.len();
            self.0.push_back(frame);
            if bytes >= BATCH_BYTES {
                break;
            }
        }
    }

    /// Takes out of `cut` and `queue` what the socket took of the `gathered` slices. A frame that was
    /// begun leaves the queue as well: its rest becomes `cut`.
    fn settle(
        &mut self,
        gathered: usize,
        inside_frame: bool,
        cut: &mut Bytes,
        queue: &mut VecDeque<Outgoing>,
    ) {
        let untouched = self.0.len() - usize::from(inside_frame);
        let from_queue = (gathered - untouched).saturating_sub(usize::from(!cut.is_empty()));
        queue.drain(..from_queue);
        *cut = if inside_frame {
            self.0.pop_front().unwrap_or_default()
        } else {
            Bytes::new()
        };
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.0.clear();
        SLICES.set(std::mem::take(&mut self.0));
    }
}

/// The bytes of a frame, header and all.
fn framed(outgoing: &Outgoing) -> Bytes {
    match outgoing {
        Outgoing::Shared(shared) => shared.framed(frame).clone(),
        Outgoing::Own(own) => frame(own),
    }
}

fn frame(frame: &Frame) -> Bytes {
    match frame {
        Frame::Text(bytes) => encoder::text(bytes),
        Frame::Binary(bytes) => encoder::binary(bytes),
    }
}
