//! The port to one client's line.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use fanline_protocol::{CloseFrame, Frame, Outgoing};

/// What came in on a link.
#[derive(Debug)]
pub enum Received {
    /// A frame.
    Frame(Frame),
    /// A sign of life that is no frame (a WebSocket ping or pong). The link has answered it if it must be.
    Alive,
    /// The client said that it closes.
    Closed,
    /// The line broke without a word.
    Lost,
    /// The client broke the transport's rules: the link wants to close with this frame.
    Violation(CloseFrame),
}

/// One client's line: receives frames, sends batches, closes. Implemented by the transports and by tests.
///
/// Poll based, so that a session task holds nothing but the link itself while idle. Every method may be
/// dropped between polls without losing anything.
pub trait Link: Send + 'static {
    /// The next thing that came in. After `Closed` or `Lost` it is not called again.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received>;

    /// Sends everything queued, joined into as few system calls as possible. Frames are taken from the
    /// front as they are written; one that a full socket cut stays with the link. Ready once the queue is
    /// empty and nothing is left inside; an error means that the line broke.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        queue: &mut VecDeque<Outgoing>,
    ) -> Poll<std::io::Result<()>>;

    /// Says the last word and ends the line. Ready when done; the caller bounds the time and then drops.
    fn poll_close(&mut self, cx: &mut Context<'_>, close: &CloseFrame) -> Poll<()>;

    /// The largest frame to take from now on, in bytes (small before authentication).
    fn set_frame_limit(&mut self, bytes: usize);
}
