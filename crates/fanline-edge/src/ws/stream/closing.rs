//! The closing handshake (RFC 6455, 7.1), and why it waits.
//!
//! A socket that is dropped while bytes of the client are unread is reset, and a reset may
//! overtake the close frame: the client would never learn why. So the connection is read to its
//! end, for as long as the caller has patience.

use std::{collections::VecDeque, future::poll_fn, io, pin::Pin, task::ready, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    time::timeout,
};

use super::{ReceiveError, Receiving, Scratch, WebSocketStream};
use crate::ws::Incoming;

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketStream<S> {
    /// Ends the connection: sends what is left in `queue` and then `farewell`, an encoded close
    /// frame; waits for the client's, if it has not come and still can; and shuts the socket down.
    ///
    /// What the client sends meanwhile is read and thrown away.
    ///
    /// # Errors
    /// The socket failed, or the client took longer than `patience`; it is gone in any case.
    pub async fn close(
        mut self,
        mut queue: VecDeque<Bytes>,
        farewell: Bytes,
        patience: Duration,
    ) -> io::Result<()> {
        queue.push_back(farewell);
        timeout(patience, self.close_in_order(&mut queue)).await?
    }

    async fn close_in_order(&mut self, queue: &mut VecDeque<Bytes>) -> io::Result<()> {
        self.send_all(queue).await?;
        while self.receiving == Receiving::Open {
            match poll_fn(|cx| self.poll_decode(cx)).await {
                Ok(Incoming::Close(_)) => self.receiving = Receiving::Closed,
                Ok(_) => {}
                Err(ReceiveError::Io(error)) => return Err(error),
                Err(_) => self.receiving = Receiving::Broken,
            }
        }
        self.socket.shutdown().await?;
        self.read_to_end().await
    }

    async fn read_to_end(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            loop {
                let mut scratch = Scratch::borrow();
                let mut buffer = ReadBuf::new(scratch.for_reading());
                ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer))?;
                if buffer.filled().is_empty() {
                    return std::task::Poll::Ready(Ok(()));
                }
            }
        })
        .await
    }
}
