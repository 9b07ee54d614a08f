//! Which signals were heard already: for each boot the highest counter and a window below it, as IPsec does it
//! (RFC 6479).

use std::collections::HashMap;
use std::time::Duration;

use fanline_broker::BootId;
use fanline_model::Timestamp;

/// How far a signal's time may be from ours, before or after.
pub(super) const TOLERANCE: Duration = Duration::from_secs(60);
/// The most senders that are remembered. Only whoever has the key becomes one.
const SENDERS: usize = 4_096;

const WORD: u64 = u64::BITS as u64;
const WORDS: u64 = 16;
/// How many counters below the highest one are told apart. A signal that was overtaken by more is refused; nobody
/// sends so many at once.
const WINDOW: u64 = (WORDS - 1) * WORD;

/// What was heard of each sender.
#[derive(Debug, Default)]
pub(super) struct Heard {
    senders: HashMap<BootId, Sender>,
}

#[derive(Debug)]
struct Sender {
    highest: u64,
    /// A ring of bits: counter N has bit N of it.
    seen: [u64; WORDS as usize],
    /// The newest time that stood on one of its signals.
    newest: Timestamp,
}

// === impl Heard ===

impl Heard {
    /// Whether this counter of this boot is heard for the first time; now it counts as heard. The signal must be
    /// authentic, and its time within the tolerance.
    pub(super) fn is_first(
        &mut self,
        boot: BootId,
        counter: u64,
        time: Timestamp,
        now: Timestamp,
    ) -> bool {
        if !self.senders.contains_key(&boot) {
            self.make_room(now);
        }
        let sender = self.senders.entry(boot).or_insert_with(Sender::new);
        sender.newest = sender.newest.max(time);
        sender.is_first(counter)
    }

    /// Forgets whoever sent nothing that would not be refused for its age alone; if there are none, whoever has
    /// been silent for the longest: a repeated signal does less harm than a lost one.
    fn make_room(&mut self, now: Timestamp) {
        if self.senders.len() < SENDERS {
            return;
        }
        self.senders
            .retain(|_, sender| sender.newest.plus(TOLERANCE) >= now);
        if self.senders.len() >= SENDERS {
            let silent = self.senders.iter().min_by_key(|(_, sender)| sender.newest);
            if let Some(boot) = silent.map(|(boot, _)| *boot) {
                self.senders.remove(&boot);
            }
        }
    }
}

// === impl Sender ===

impl Sender {
    fn new() -> Self {
        Self {
            highest: 0,
            seen: [0; WORDS as usize],
            newest: Timestamp::default(),
        }
    }

    fn is_first(&mut self, counter: u64) -> bool {
        if counter == 0 || counter.saturating_add(WINDOW) <= self.highest {
            return false;
        }
        if counter > self.highest {
            // The words between are of counters long past.
            let (from, to) = (self.highest / WORD, counter / WORD);
            for word in (from + 1..=to).take(WORDS as usize) {
                self.seen[(word % WORDS) as usize] = 0;
            }
            self.highest = counter;
        }
        let word = &mut self.seen[(counter / WORD % WORDS) as usize];
        let bit = 1 << (counter % WORD);
        let first = *word & bit == 0;
        *word |= bit;
        first
    }
}

#[cfg(test)]
mod tests;
