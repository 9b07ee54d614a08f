//! A line without a network: a test says what comes in, sees what goes out, and decides how fast it drains.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use fanline_engine::{Link, Received};
use fanline_protocol::{CloseFrame, Frame, Outgoing};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The server's end of a line: what the engine is given.
pub struct TestLink(Arc<Line>);

/// The client's end: what the test holds. Cloning shares it.
#[derive(Clone)]
pub struct Wire(Arc<Line>);

struct Line {
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    incoming: VecDeque<Received>,
    outgoing: Vec<Frame>,
    sent_bytes: usize,
    /// How many bytes the socket still takes; `None` takes everything.
    room: Option<usize>,
    broken: bool,
    close: Option<CloseFrame>,
    ended: bool,
    frame_limit: usize,
    receiver: Option<Waker>,
    sender: Option<Waker>,
}

impl TestLink {
    /// Both ends of a new line, which drains freely.
    pub fn pair() -> (Self, Wire) {
        let line = Arc::new(Line {
            state: Mutex::new(State {
                incoming: VecDeque::new(),
                outgoing: Vec::new(),
                sent_bytes: 0,
                room: None,
                broken: false,
                close: None,
                ended: false,
                frame_limit: usize::MAX,
                receiver: None,
                sender: None,
            }),
            changed: Notify::new(),
        });
        (Self(Arc::clone(&line)), Wire(line))
    }
}

impl Drop for TestLink {
    fn drop(&mut self) {
        self.0.state.lock().ended = true;
        self.0.changed.notify_waiters();
    }
}

// === impl Wire ===

impl Wire {
    /// A frame from the client.
    pub fn send(&self, frame: Frame) {
        self.receive(Received::Frame(frame));
    }

    /// A sign of life that is no frame.
    pub fn alive(&self) {
        self.receive(Received::Alive);
    }

    /// The client says that it closes.
    pub fn close(&self) {
        self.receive(Received::Closed);
    }

    /// The line breaks without a word, in both directions.
    pub fn break_off(&self) {
        self.0.state.lock().broken = true;
        self.receive(Received::Lost);
    }

    /// The socket is full from now on.
    pub fn stall(&self) {
        self.0.state.lock().room = Some(0);
    }

    /// The client reads so many bytes more, and then stalls again.
    pub fn drain(&self, bytes: usize) {
        let mut state = self.0.state.lock();
        state.room = state.room.map(|room| room + bytes);
        let sender = state.sender.take();
        drop(state);
        sender.into_iter().for_each(Waker::wake);
    }

    /// The client reads as fast as it is sent to.
    pub fn flow(&self) {
        let mut state = self.0.state.lock();
        state.room = None;
        let sender = state.sender.take();
        drop(state);
        sender.into_iter().for_each(Waker::wake);
    }

    /// What came out since the last call.
    pub fn take(&self) -> Vec<Frame> {
        std::mem::take(&mut self.0.state.lock().outgoing)
    }

    /// Every byte that ever came out.
    pub fn sent_bytes(&self) -> usize {
        self.0.state.lock().sent_bytes
    }

    /// The server's last word, once it was said.
    pub fn closed(&self) -> Option<CloseFrame> {
        self.0.state.lock().close.clone()
    }

    /// Whether the server let go of the line.
    pub fn ended(&self) -> bool {
        self.0.state.lock().ended
    }

    /// The largest frame that the server takes now.
    pub fn frame_limit(&self) -> usize {
        self.0.state.lock().frame_limit
    }

    /// Whether everything that came in was read.
    pub fn was_read(&self) -> bool {
        self.0.state.lock().incoming.is_empty()
    }

    /// Returns once something came out, or the server let go.
    pub async fn stir(&self) {
        loop {
            let changed = self.0.changed.notified();
            {
                let state = self.0.state.lock();
                if !state.outgoing.is_empty() || state.ended || state.close.is_some() {
                    return;
                }
            }
            changed.await;
        }
    }

    /// Returns once the server let go of the line.
    pub async fn end(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.ended() {
                return;
            }
            changed.await;
        }
    }

    fn receive(&self, received: Received) {
        let mut state = self.0.state.lock();
        state.incoming.push_back(received);
        let wakers = [state.receiver.take(), state.sender.take()];
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

// === impl Link ===

impl Link for TestLink {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        let mut state = self.0.state.lock();
        if let Some(received) = state.incoming.pop_front() {
            return Poll::Ready(received);
        }
        state.receiver = Some(cx.waker().clone());
        Poll::Pending
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        queue: &mut VecDeque<Outgoing>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.state.lock();
        if state.broken {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let before = state.outgoing.len();
        // A frame goes out whole as soon as there is any room; what it is too large is owed.
        while state.room != Some(0)
            && let Some(outgoing) = queue.pop_front()
        {
            let frame = outgoing.frame().clone();
            let bytes = frame.bytes().len();
            state.room = state.room.map(|room| room.saturating_sub(bytes));
            state.sent_bytes += bytes;
            state.outgoing.push(frame);
        }
        let full = !queue.is_empty();
        if full {
            state.sender = Some(cx.waker().clone());
        }
        let sent = state.outgoing.len() > before;
        drop(state);
        if sent {
            self.0.changed.notify_waiters();
        }
        if full {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn poll_close(&mut self, _: &mut Context<'_>, close: &CloseFrame) -> Poll<()> {
        self.0.state.lock().close = Some(close.clone());
        self.0.changed.notify_waiters();
        Poll::Ready(())
    }

    fn set_frame_limit(&mut self, bytes: usize) {
        self.0.state.lock().frame_limit = bytes;
    }
}
