//! A socket that does what a test says, so that each system call can be seen.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A scripted socket. What it has nothing to read or no room for is pending.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// What each `read` returns; an empty one is the end.
    pub(crate) reads: VecDeque<Vec<u8>>,
    /// How much each `write` takes. When none is left, everything is taken, unless it is `full`.
    pub(crate) windows: VecDeque<usize>,
    pub(crate) is_full: bool,
    /// What was written.
    pub(crate) written: Vec<u8>,
    /// How many slices each `write` offered.
    pub(crate) writes: Vec<usize>,
    pub(crate) is_shut_down: bool,
}

/// A context for polling by hand.
pub(crate) fn idle_context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

// === impl Script ===

impl Script {
    pub(crate) fn reading(reads: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self {
            reads: reads.into_iter().collect(),
            ..Self::default()
        }
    }

    fn take(&mut self, slices: &[&[u8]]) -> Poll<io::Result<usize>> {
        if self.is_full && self.windows.is_empty() {
            return Poll::Pending;
        }
        self.writes.push(slices.len());
        let bytes = slices.concat();
        let taken = self
            .windows
            .pop_front()
            .unwrap_or(bytes.len())
            .min(bytes.len());
        self.written.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.reads.pop_front() {
            Some(bytes) => {
                buffer.put_slice(&bytes);
                Poll::Ready(Ok(()))
            }
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.take(&[bytes])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let slices: Vec<&[u8]> = slices.iter().map(|slice| &slice[..]).collect();
        self.take(&slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_shut_down = true;
        Poll::Ready(Ok(()))
    }
}
