//! The newest messages of a followed channel, so that a storm of returning clients reads no log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use fanline_model::{History, Message, Timestamp};

/// The most messages of a ring.
const MESSAGES: usize = 256;
/// The most bytes of a ring.
const BYTES: usize = 256 * 1024;

/// Consecutive messages, the newest last. It ends at the feed's position or is empty.
#[derive(Debug, Default)]
pub(super) struct Ring {
    messages: VecDeque<(u64, Arc<Message>)>,
    bytes: usize,
}

// === impl Ring ===

impl Ring {
    /// Adds the next message, and forgets what neither the ring nor the channel's history would keep.
    pub(super) fn push(&mut self, seq: u64, message: Arc<Message>, history: Option<History>) {
        if self
            .messages
            .back()
            .is_some_and(|(last, _)| last + 1 != seq)
        {
            self.clear();
        }
        self.bytes += message.draft.weight();
        self.messages.push_back((seq, message));
        let (messages, bytes) = history.map_or((0, 0), |history| {
            (history.messages.min(MESSAGES), history.bytes.min(BYTES))
        });
        while self.messages.len() > messages || self.bytes > bytes {
            let Some((_, oldest)) = self.messages.pop_front() else {
                break;
            };
            self.bytes -= oldest.draft.weight();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.messages = VecDeque::new();
        self.bytes = 0;
    }

    /// The messages after `seq`, if the ring has all of them and the first is not older than the window.
    pub(super) fn after(
        &self,
        seq: u64,
        now: Timestamp,
        window: Duration,
    ) -> Option<impl Iterator<Item = &(u64, Arc<Message>)>> {
        let (first, _) = self.messages.front()?;
        let skip = usize::try_from((seq + 1).checked_sub(*first)?).ok()?;
        let (_, oldest) = self.messages.get(skip)?;
        (now.since(oldest.timestamp) <= window).then(|| self.messages.iter().skip(skip))
    }
}
