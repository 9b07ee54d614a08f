//! What is on its way to the client: pongs of our own, and the caller's queue.
//!
//! A frame that was begun is finished before anything else is sent; that is the only order there
//! is between pongs and the queue.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use crate::ws::encoder;

/// The most frames that one `writev` takes. The kernel's own limit is 1,024; beyond some tens, the
/// cost of a system call has vanished in that of its slices.
const MAX_SLICES: usize = 64;

#[derive(Debug)]
pub(super) struct Outgoing {
    /// Encoded pongs that have not been sent.
    pongs: BytesMut,
    /// Whether the frame at the front of the queue was sent in part.
    inside_frame: bool,
    /// Whether the socket may hold bytes of its own, as TLS does.
    unflushed: bool,
}

impl Outgoing {
    pub(super) fn new() -> Self {
        Self {
            pongs: BytesMut::new(),
            inside_frame: false,
            unflushed: false,
        }
    }

    pub(super) fn push_pong(&mut self, payload: &[u8]) {
        encoder::append_pong(&mut self.pongs, payload);
    }

    /// Bytes of pongs that have not been sent.
    pub(super) fn pongs(&self) -> usize {
        self.pongs.len()
    }

    pub(super) const fn is_inside_frame(&self) -> bool {
        self.inside_frame
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.pongs.is_empty() && !self.unflushed
    }

    pub(super) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        socket: &mut S,
        cx: &mut Context<'_>,
        queue: &mut VecDeque<Bytes>,
    ) -> Poll<io::Result<usize>> {
        let mut written = 0;
        if !self.pongs.is_empty() || !queue.is_empty() {
            written = ready!(self.poll_write_once(Pin::new(socket), cx, queue))?;
            self.unflushed = true;
            self.advance(queue, written);
        }
        if self.unflushed && self.pongs.is_empty() && queue.is_empty() {
            match Pin::new(socket).poll_flush(cx) {
                Poll::Ready(flushed) => {
                    flushed?;
                    self.unflushed = false;
                }
                Poll::Pending if written == 0 => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        Poll::Ready(Ok(written))
    }

    fn poll_write_once<S: AsyncWrite + Unpin>(
        &self,
        socket: Pin<&mut S>,
        cx: &mut Context<'_>,
        queue: &VecDeque<Bytes>,
    ) -> Poll<io::Result<usize>> {
        let mut frames = self.in_order(queue);
        let (first, second) = (frames.next(), frames.next());
        let written = match (first, second) {
            (None, _) => return Poll::Ready(Ok(0)),
            (Some(only), None) => ready!(socket.poll_write(cx, only))?,
            (Some(first), Some(second)) => {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let frames = [first, second].into_iter().chain(frames);
                let mut count = 0;
                for (slice, frame) in slices.iter_mut().zip(frames) {
                    *slice = IoSlice::new(frame);
                    count += 1;
                }
                ready!(socket.poll_write_vectored(cx, &slices[..count]))?
            }
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        Poll::Ready(Ok(written))
    }

    /// The rest of a frame that was begun, the pongs, the rest of the queue.
    fn in_order<'a>(&'a self, queue: &'a VecDeque<Bytes>) -> impl Iterator<Item = &'a [u8]> {
        let begun = usize::from(self.inside_frame);
        let pongs = std::iter::once(&self.pongs[..]);
        let (begun, rest) = (queue.iter().take(begun), queue.iter().skip(begun));
        begun
            .map(|frame| &frame[..])
            .chain(pongs)
            .chain(rest.map(|frame| &frame[..]))
            .filter(|frame| !frame.is_empty())
    }

    /// Takes out what was written, in the order of [`in_order`](Self::in_order).
    fn advance(&mut self, queue: &mut VecDeque<Bytes>, mut written: usize) {
        if self.inside_frame {
            self.inside_frame = !take_front(queue, &mut written);
            if self.inside_frame {
                return;
            }
        }
        let pongs = written.min(self.pongs.len());
        self.pongs.advance(pongs);
        written -= pongs;
        if self.pongs.is_empty() {
            self.pongs = BytesMut::new();
        }
        while written > 0 && !self.inside_frame {
            self.inside_frame = !take_front(queue, &mut written);
        }
        while queue.front().is_some_and(Bytes::is_empty) {
            queue.pop_front();
        }
    }
}

/// Takes up to `written` bytes off the frame at the front; true if that was all of it.
fn take_front(queue: &mut VecDeque<Bytes>, written: &mut usize) -> bool {
    let Some(front) = queue.front_mut() else {
        *written = 0;
        return true;
    };
    if *written < front.len() {
        front.advance(*written);
        *written = 0;
        return false;
    }
    *written -= front.len();
    queue.pop_front();
    true
}
