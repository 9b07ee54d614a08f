//! One WebSocket connection: the socket, its decoder, and what it owes the client.
//!
//! It belongs to one task, which polls it to receive and to send; both may be abandoned between
//! two polls without losing or repeating a byte. An idle connection owns nothing on the heap.
//! The queue of frames to send belongs to the caller, because what happens to it when a client
//! reads slowly is the session's policy and not the socket's.

mod closing;
mod outgoing;

use std::{
    cell::Cell,
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::outgoing::Outgoing;
use super::{DecodeError, Decoder, Incoming, Socket};

/// The most that one `read` takes, and so the most that waits undecoded beside the socket.
const MAX_READ: usize = 16 * 1024;
/// The most bytes of small frames that one `write` takes.
const MAX_GATHER: usize = 64 * 1024;
/// The most bytes of unsent pongs before the client must read them to be read from again.
const MAX_PONGS: usize = 4 * 1024;

thread_local! {
    /// Where every connection of a worker thread reads into and gathers small frames in, for the
    /// length of one poll.
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// A WebSocket connection, server side.
#[derive(Debug)]
pub struct WebSocketStream<S = Socket> {
    socket: S,
    decoder: Decoder,
    /// What was read from the socket beyond the last frame; empty between two bursts.
    unread: Bytes,
    outgoing: Outgoing,
    receiving: Receiving,
}

/// Whether anything more can be received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Receiving {
    Open,
    /// The client's close frame has arrived; nothing may follow it.
    Closed,
    /// The client broke the protocol, or the socket has ended.
    Broken,
}

/// Why nothing more can be received.
#[derive(Debug, Error)]
pub enum ReceiveError {
    /// The client broke the protocol; close with the code and the sentence of the error.
    #[error(transparent)]
    Invalid(#[from] DecodeError),
    /// The connection ended: without a close frame, or it was received before.
    #[error("the client has closed the connection")]
    Disconnected,
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketStream<S> {
    /// A connection over `socket` after the opening handshake.
    ///
    /// `unread` is what was read from the socket together with the handshake, and `limit` the most
    /// bytes that a message may have.
    #[must_use]
    pub fn new(socket: S, unread: Bytes, limit: usize) -> Self {
        Self {
            socket,
            decoder: Decoder::new(limit),
            unread,
            outgoing: Outgoing::new(),
            receiving: Receiving::Open,
        }
    }

    /// Changes the most bytes that a message may have, for messages yet to come.
    pub const fn set_limit(&mut self, limit: usize) {
        self.decoder.set_limit(limit);
    }

    /// The next message or control frame.
    ///
    /// A ping is answered by itself: its pong is sent by the next [`poll_send`](Self::poll_send),
    /// before what the queue holds. A client that pings and does not read is not read from either.
    ///
    /// # Errors
    /// Nothing more will be received. [`close`](Self::close) the connection, or drop it.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, ReceiveError>> {
        if self.receiving != Receiving::Open {
            return Poll::Ready(Err(ReceiveError::Disconnected));
        }
        while self.outgoing.pongs() > MAX_PONGS {
            // In the middle of a queued frame, `poll_send` has left word to be woken.
            if self.outgoing.is_inside_frame() {
                return Poll::Pending;
            }
            ready!(self.poll_send(cx, &mut VecDeque::new()))?;
        }
        let received = ready!(self.poll_decode(cx));
        match &received {
            Ok(Incoming::Ping(payload)) => self.outgoing.push_pong(payload),
            Ok(Incoming::Close(_)) => self.receiving = Receiving::Closed,
            Ok(_) => {}
            Err(_) => self.receiving = Receiving::Broken,
        }
        Poll::Ready(received)
    }

    /// Writes what is owed to the client, pongs and `queue`, with one system call, and takes what
    /// the socket took out of the queue. Returns the number of bytes.
    ///
    /// Call it again while the queue is not empty or [`is_flushed`](Self::is_flushed) is false:
    /// one call is one system call, so that the caller can be fair. A frame at the front of the
    /// queue of which a part was sent must stay there ([`is_inside_frame`](Self::is_inside_frame)).
    ///
    /// # Errors
    /// The socket failed; the connection is over.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        queue: &mut VecDeque<Bytes>,
    ) -> Poll<io::Result<usize>> {
        self.outgoing.poll_write(&mut self.socket, cx, queue)
    }

    /// Like [`poll_receive`](Self::poll_receive); may be dropped at any time.
    ///
    /// # Errors
    /// As there.
    pub async fn receive(&mut self) -> Result<Incoming, ReceiveError> {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// Sends pongs and `queue` to the end. If it is dropped before, `queue` holds the rest.
    ///
    /// # Errors
    /// The socket failed; the connection is over.
    pub async fn send_all(&mut self, queue: &mut VecDeque<Bytes>) -> io::Result<()> {
        while !queue.is_empty() || !self.is_flushed() {
            poll_fn(|cx| self.poll_send(cx, queue)).await?;
        }
        Ok(())
    }

    /// Whether no pong, nor a byte in the socket's own buffer, waits to be sent.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        self.outgoing.is_flushed()
    }

    /// Whether a part of the frame at the front of the queue has been sent, so that nothing else
    /// can be sent before the rest.
    #[must_use]
    pub const fn is_inside_frame(&self) -> bool {
        self.outgoing.is_inside_frame()
    }

    /// Bytes of heap that the connection holds: an unfinished message, frames read but not yet
    /// asked for, pongs not yet sent. Zero while it is idle.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.decoder.buffered() + self.unread.len() + self.outgoing.pongs()
    }

    /// The socket beneath, to ask for its address or to set its options.
    #[must_use]
    pub const fn socket(&self) -> &S {
        &self.socket
    }

    /// As [`socket`](Self::socket). What is read from it or written to it is lost to the
    /// connection.
    pub const fn socket_mut(&mut self) -> &mut S {
        &mut self.socket
    }

    fn poll_decode(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, ReceiveError>> {
        loop {
            if let Some(incoming) = self.decode_unread()? {
                return Poll::Ready(Ok(incoming));
            }
            let mut scratch = Scratch::borrow();
            let mut buffer = ReadBuf::new(scratch.for_reading());
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
            let mut input = buffer.filled();
            if input.is_empty() {
                return Poll::Ready(Err(ReceiveError::Disconnected));
            }
            if let Some(incoming) = self.decoder.decode(&mut input)? {
                self.unread = Bytes::copy_from_slice(input);
                return Poll::Ready(Ok(incoming));
            }
        }
    }

    fn decode_unread(&mut self) -> Result<Option<Incoming>, DecodeError> {
        if self.unread.is_empty() {
            return Ok(None);
        }
        let mut rest = &self.unread[..];
        let incoming = self.decoder.decode(&mut rest)?;
        let taken = self.unread.len() - rest.len();
        self.unread.advance(taken);
        if self.unread.is_empty() {
            // An empty slice would keep its memory.
            self.unread = Bytes::new();
        }
        Ok(incoming)
    }
}

/// The thread's scratch memory, put back when dropped. Whoever borrows it twice, as a socket that
/// is itself a WebSocket would, gets another.
struct Scratch(Box<[u8]>);

impl Scratch {
    fn borrow() -> Self {
        let kept = SCRATCH.take();
        Self(kept.unwrap_or_else(|| vec![0; MAX_READ.max(MAX_GATHER)].into_boxed_slice()))
    }

    fn for_reading(&mut self) -> &mut [u8] {
        &mut self.0[..MAX_READ]
    }

    fn for_gathering(&mut self) -> &mut [u8] {
        &mut self.0[..MAX_GATHER]
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        SCRATCH.set(Some(std::mem::take(&mut self.0)));
    }
}
