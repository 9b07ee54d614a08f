//! Who waits for a lane, and which lanes wait for somebody.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use redis::{Arg, Cmd};
use tokio::sync::oneshot;

use super::Verdict;

/// A batch holds at most so many commands,
const MOST_COMMANDS: usize = 512;
/// and no further one beyond so many bytes: a connection is taken for dead if a batch takes too long.
const MOST_BYTES: usize = 1024 * 1024;

/// Whether a command may have been executed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doubt(Arc<AtomicBool>);

/// A command, and who waits for its verdict.
pub(super) struct Item {
    pub(super) command: Cmd,
    /// Whether to say `ASKING` before it.
    pub(super) asking: bool,
    pub(super) verdict: oneshot::Sender<Verdict>,
    doubt: Doubt,
    bytes: usize,
}

/// Commands that wait, and lanes that are idle. Never both.
pub(super) struct Queue<Lane> {
    state: Mutex<State<Lane>>,
}

struct State<Lane> {
    /// By their number, in ascending order.
    waiting: VecDeque<(u64, Item)>,
    joined: u64,
    idle: Vec<Lane>,
}

/// Where a command stands. Dropping it takes the command out, unless a lane has it already.
pub(super) struct Place<'a, Lane> {
    queue: &'a Queue<Lane>,
    number: u64,
}

// === impl Doubt ===

impl Doubt {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, doubtful: bool) {
        self.0.store(doubtful, Ordering::Relaxed);
    }
}

// === impl Item ===

impl Item {
    pub(super) fn new(
        command: Cmd,
        asking: bool,
        doubt: Doubt,
    ) -> (Self, oneshot::Receiver<Verdict>) {
        let (verdict, heard) = oneshot::channel();
        let words = command.args_iter().map(|word| match word {
            Arg::Simple(word) => word.len(),
            _ => 0,
        });
        let item = Self {
            bytes: words.sum(),
            command,
            asking,
            verdict,
            doubt,
        };
        (item, heard)
    }
}

// === impl Queue ===

impl<Lane: Clone> Queue<Lane> {
    pub(super) fn new(lanes: Vec<Lane>) -> Self {
        Self {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                joined: 0,
                idle: lanes,
            }),
        }
    }

    /// Waits for a lane; answers one that was idle and must be set to work.
    pub(super) fn join(&self, item: Item) -> (Place<'_, Lane>, Option<Lane>) {
        let mut state = self.state.lock();
        let number = state.joined;
        state.joined += 1;
        state.waiting.push_back((number, item));
        let place = Place {
            queue: self,
            number,
        };
        (place, state.idle.pop())
    }

    /// What this lane carries next; none, and the lane is idle. Under the lock what is taken becomes doubtful and
    /// what was given up is gone, so that no command is sent whose caller was told that it was not.
    pub(super) fn take(&self, lane: &Lane) -> Option<Vec<Item>> {
        let mut state = self.state.lock();
        let mut batch = Vec::new();
        let mut bytes = 0;
        while let Some((_, next)) = state.waiting.front() {
            bytes += next.bytes;
            if batch.len() == MOST_COMMANDS || (bytes > MOST_BYTES && !batch.is_empty()) {
                break;
            }
            batch.extend(state.waiting.pop_front().map(|(_, item)| item));
        }
        if batch.is_empty() {
            state.idle.push(lane.clone());
            return None;
        }
        batch.iter().for_each(|item| item.doubt.set(true));
        Some(batch)
    }

    /// This lane is idle, and nobody shall wait for it: nothing was sent.
    pub(super) fn turn_away(&self, lane: Lane) {
        let waiting = {
            let mut state = self.state.lock();
            state.idle.push(lane);
            std::mem::take(&mut state.waiting)
        };
        for (_, item) in waiting {
            // Whoever gave up in this moment needs no verdict.
            let _ = item.verdict.send(Verdict::NotSent);
        }
    }
}

// === impl Place ===

impl<Lane> Drop for Place<'_, Lane> {
    fn drop(&mut self) {
        let waiting = &mut self.queue.state.lock().waiting;
        if let Ok(index) = waiting.binary_search_by_key(&self.number, |(number, _)| *number) {
            waiting.remove(index);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn item(bytes: usize) -> (Item, Doubt) {
        let mut command = redis::cmd("SET");
        command.arg(vec![b'x'; bytes]);
        let doubt = Doubt::default();
        (Item::new(command, false, doubt.clone()).0, doubt)
    }

    #[test]
    fn whoever_comes_while_a_lane_works_goes_with_its_next_batch() {
        let queue = Queue::new(vec!["lane"]);
        let (first, second, third) = (item(1).0, item(1).0, item(1).0);
        let (_one, lane) = queue.join(first);
        assert_eq!(lane, Some("lane"));
        assert_eq!(queue.take(&"lane").unwrap().len(), 1);
        let (_two, none) = queue.join(second);
        let (_three, still_none) = queue.join(third);
        assert_eq!((none, still_none), (None, None));
        assert_eq!(queue.take(&"lane").unwrap().len(), 2);
        assert!(queue.take(&"lane").is_none());
        assert_eq!(queue.join(item(1).0).1, Some("lane"), "it was idle");
    }

    #[test]
    fn what_was_given_up_in_time_is_never_sent_and_nobody_doubts_it() {
        let queue = Queue::new(vec!["lane"]);
        let ((kept, kept_doubt), (gone, gone_doubt)) = (item(1), item(1));
        let (_place, _lane) = queue.join(kept);
        drop(queue.join(gone));
        assert_eq!(queue.take(&"lane").unwrap().len(), 1);
        assert!(kept_doubt.get());
        assert!(!gone_doubt.get());
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_but_never_empty() {
        let queue = Queue::new(vec!["lane"]);
        let sizes = [
            2 * MOST_BYTES,
            MOST_BYTES / 2,
            MOST_BYTES / 4,
            MOST_BYTES / 2,
        ];
        let places: Vec<_> = sizes.map(|bytes| queue.join(item(bytes).0)).into();
        let batches = std::iter::from_fn(|| Some(queue.take(&"lane")?.len()));
        assert_eq!(batches.collect::<Vec<_>>(), [1, 2, 1]);
        drop(places);
    }

    #[tokio::test]
    async fn whoever_waits_for_a_server_that_cannot_be_reached_hears_that_nothing_was_sent() {
        let queue = Queue::new(vec!["lane"]);
        let doubt = Doubt::default();
        let (item, verdict) = Item::new(redis::cmd("PING"), false, doubt.clone());
        let (_place, lane) = queue.join(item);
        queue.turn_away(lane.unwrap());
        assert_eq!(verdict.await.unwrap(), Verdict::NotSent);
        assert!(!doubt.get());
    }
}
