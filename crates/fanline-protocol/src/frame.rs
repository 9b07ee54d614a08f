//! Frames: what a transport moves and a protocol reads and writes.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

/// One unit on a transport. The transport has checked that text is UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// UTF-8 text.
    Text(Bytes),
    /// Arbitrary bytes.
    Binary(Bytes),
}

/// A frame encoded once and handed to many links. Cloning shares it.
#[derive(Clone, Debug)]
pub struct SharedFrame(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    frame: Frame,
    framed: OnceLock<Bytes>,
}

/// What waits to be sent on one link.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// A frame that other links send too.
    Shared(SharedFrame),
    /// A frame for this link alone.
    Own(Frame),
}

/// The last word on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseFrame {
    /// The protocol's close code (RFC 6455, 7.4).
    pub code: u16,
    /// At most 123 bytes of UTF-8.
    pub reason: String,
}

// === impl Frame ===

impl Frame {
    /// A text frame.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into().into())
    }

    /// The bytes, whatever the kind.
    pub fn bytes(&self) -> &Bytes {
        match self {
            Self::Text(bytes) | Self::Binary(bytes) => bytes,
        }
    }
}

// === impl SharedFrame ===

impl SharedFrame {
    /// Shares a frame.
    pub fn new(frame: Frame) -> Self {
        Self(Arc::new(Shared {
            frame,
            framed: OnceLock::new(),
        }))
    }

    /// The frame.
    pub fn frame(&self) -> &Frame {
        &self.0.frame
    }

    /// The frame as the socket transport puts it on the wire, header and all: made by the first link that
    /// asks, shared by all others.
    pub fn framed(&self, make: impl FnOnce(&Frame) -> Bytes) -> &Bytes {
        self.0.framed.get_or_init(|| make(&self.0.frame))
    }
}

// === impl Outgoing ===

impl Outgoing {
    /// The frame to send.
    pub fn frame(&self) -> &Frame {
        match self {
            Self::Shared(shared) => shared.frame(),
            Self::Own(frame) => frame,
        }
    }
}
